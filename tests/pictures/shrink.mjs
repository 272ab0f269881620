// A picture without the empty rest of the page below, in 64 colours: a third of its size, and nobody sees the difference.
//   node shrink.mjs NODE_MODULES from.png to.png
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";

const MARGIN = 16;

const [modules, from, to] = process.argv.slice(2);
const upng = createRequire(`${modules}/here.js`)("upng-js");
const image = upng.decode(readFileSync(from));
const pixels = new Uint32Array(upng.toRGBA8(image)[0]);
let last = pixels.length - 1;
while (last > 0 && pixels[last] === pixels[0]) last -= 1;
const height = Math.min(Math.floor(last / image.width) + 1 + MARGIN, image.height);
const kept = pixels.slice(0, height * image.width).buffer;
writeFileSync(to, Buffer.from(upng.encode([kept], image.width, height, 64)));
