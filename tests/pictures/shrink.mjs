// A picture with 64 colours: a third of its size, and nobody sees the difference.
//   node shrink.mjs NODE_MODULES from.png to.png
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";

const [modules, from, to] = process.argv.slice(2);
const upng = createRequire(`${modules}/here.js`)("upng-js");
const image = upng.decode(readFileSync(from));
writeFileSync(to, Buffer.from(upng.encode(upng.toRGBA8(image), image.width, image.height, 64)));
