"""What people are told in a few sentences, where that is no answer to a question: each module has the words of one
idea, as pure functions of values. tests/golden/notes_*.json shows every one of them."""
