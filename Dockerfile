# docker build -t llmcost . && docker run --env-file .env -v llmcost:/data llmcost
# llmcost.toml lies in the volume (docker cp llmcost.toml NAME:/data/); docker exec NAME llmcost doctor asks it things.
# No test builds this image, and nobody has yet: tests/unit/test_deployment_papers.py holds what it says to the code.
FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 DATABASE_URL=sqlite:////data/llmcost.db
RUN useradd --system --uid 10001 --home-dir /data llmcost && install --directory --owner=llmcost --mode=0700 /data

WORKDIR /app
COPY constraints.txt requirements.txt pyproject.toml README.md LICENSE ./
COPY bot ./bot
# The image comes without the compiled files of Python's own library, and who runs llmcost may not write there: each start
# and each health check would compile them again.
RUN pip install --no-cache-dir --requirement requirements.txt \
    && python -m compileall -q -x site-packages "$(python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"

USER 10001
WORKDIR /data
# The ledger. Without a volume it is gone with the container, and what LangSmith has forgotten with it.
VOLUME /data
# HTTP mode only; Socket Mode needs no port.
EXPOSE 3000

# Read from LangSmith within the last minutes: this notices a bot that hangs, whichever way it talks to Slack.
HEALTHCHECK --interval=60s --timeout=10s --start-period=120s CMD ["llmcost", "healthcheck"]
CMD ["llmcost", "run"]
