// One golden message (or home view) as a page of HTML that looks much like Slack. See `make` beside it.
//   node render.mjs NODE_MODULES message.slack.json light|dark > page.html
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [modules, path, theme] = process.argv.slice(2);
const require = createRequire(`${modules}/here.js`);
const React = require("react");
const { renderToStaticMarkup } = require("react-dom/server");
const { Message } = await import(pathToFileURL(`${modules}/slack-blocks-to-jsx/dist/index.mjs`));

// The renderer does not know these; what is shown is the same.
const known = (block) => {
  if (block.type === "table") {
    const rows = block.rows.map((row) =>
      row.map((cell) => (cell.type === "raw_number" ? { type: "raw_text", text: cell.text ?? String(cell.value) } : cell)),
    );
    return { ...block, rows };
  }
  return block;
};

const shown = JSON.parse(readFileSync(path, "utf8"));
const blocks = shown.blocks.map(known);
const body = renderToStaticMarkup(
  React.createElement(Message, {
    blocks,
    theme,
    name: "llmcost",
    logo: "data:image/svg+xml;utf8,<svg xmlns='http://www.w3.org/2000/svg' width='36' height='36'><rect width='36' height='36' rx='8' fill='%231f3b4d'/><text x='18' y='25' font-size='20' font-family='sans-serif' fill='white' text-anchor='middle'>$</text></svg>",
    time: new Date(2026, 10, 22, 9, 0),
    data: { users: ["U1", "U2", "U3", "U0BOB"].map((id, place) => ({ id, name: ["alice", "bob", "carol", "bob"][place] })) },
    withoutWrapper: shown.type === "home",
  }),
);
const style = readFileSync(`${modules}/slack-blocks-to-jsx/dist/style.css`, "utf8");
const paper = theme === "dark" ? "#1a1d21" : "#ffffff";
process.stdout.write(
  `<!doctype html><meta charset="utf-8"><style>${style}
  html, body { margin: 0; background: ${paper}; } body { padding: 16px; font-family: "Liberation Sans", sans-serif; }
  </style><body data-theme="${theme}">${body}</body>`,
);
