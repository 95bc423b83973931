// Colours from the tokens: one scale for signed numbers, ink that can be read on it, and pixels for canvases.
import { clamp } from "./numbers.js";

const STOPS = ["n4", "n3", "n2", "n1", "0", "p1", "p2", "p3", "p4"];

/**
 * The scale for numbers with a sign: 511 colours, of which number 255 is zero. Read again after a change of theme.
 * @param {Element} root an element inside the widget
 * @returns {Uint8Array} 511 × 3
 */
export function ramp(root) {
  const style = getComputedStyle(root);
  const bytes = text => [1, 3, 5].map(k => parseInt(text.slice(k, k + 2), 16)); // of "#rrggbb"
  const stops = STOPS.map(name => bytes(style.getPropertyValue(`--cw-${name}`).trim()));
  return Uint8Array.from({ length: 511 * 3 }, (_, i) => {
    const position = Math.floor(i / 3) * (STOPS.length - 1) / 510;
    const k = Math.min(STOPS.length - 2, Math.floor(position));
    return stops[k][i % 3] + (stops[k + 1][i % 3] - stops[k][i % 3]) * (position - k);
  });
}

/**
 * The colour of a number between −1 and 1.
 * @param {Uint8Array} table of `ramp`
 * @param {number} value
 * @returns {number[]} red, green, blue
 */
export function at(table, value) {
  const i = Math.round(clamp(value, -1, 1) * 255 + 255) * 3;
  return [table[i], table[i + 1], table[i + 2]];
}

/**
 * A grey of a brightness between 0 and 1.
 * @param {number} value
 * @returns {number[]}
 */
export function grey(value) {
  const level = Math.round(clamp(value, 0, 1) * 255);
  return [level, level, level];
}

/** @param {number[]} rgb */
export function css(rgb) {
  return `rgb(${rgb[0]},${rgb[1]},${rgb[2]})`;
}

/**
 * Black or white, whichever can be read on a colour: no other pair reaches 4.5 : 1 on every colour of the scale.
 * @param {number[]} rgb
 * @returns {string}
 */
export function inkOn(rgb) {
  const linear = rgb.map(v => (v <= 10.31475 ? v / 3294.6 : ((v / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] > 0.179 ? "#000" : "#fff";
}

/**
 * Pixels of a canvas from bytes: RGB (H, W, 3), rows first. Sets the size of the canvas.
 * @param {HTMLCanvasElement} canvas
 * @param {ArrayLike<number>} values 0 to 255
 * @param {number} height
 * @param {number} width
 */
export function paintBytes(canvas, values, height, width) {
  paint(canvas, height, width, i => [values[i * 3], values[i * 3 + 1], values[i * 3 + 2]]);
}

/**
 * Pixels of a canvas from numbers on the signed scale.
 * @param {HTMLCanvasElement} canvas
 * @param {ArrayLike<number>} values (H, W), rows first
 * @param {number} height
 * @param {number} width
 * @param {Uint8Array} table of `ramp`
 * @param {{limit?: number, from?: number}} [options] the number of the darkest colour, by default the largest
 *     absolute value; and where in `values` the map begins
 */
export function paintSigned(canvas, values, height, width, table, { limit, from = 0 } = {}) {
  const scale = limit || largest(values, from, height * width);
  paint(canvas, height, width, i => at(table, values[from + i] / scale));
}

/**
 * Pixels of a canvas by a function of the pixel's number.
 * @param {HTMLCanvasElement} canvas
 * @param {number} height
 * @param {number} width
 * @param {(i: number) => ArrayLike<number> | null} colour null leaves the pixel transparent
 */
export function paint(canvas, height, width, colour) {
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const image = context.createImageData(width, height);
  for (let i = 0; i < height * width; i++) {
    const rgb = colour(i);
    if (!rgb) continue;
    for (let c = 0; c < 3; c++) image.data[i * 4 + c] = rgb[c];
    image.data[i * 4 + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}

/**
 * The largest absolute value of a part of an array; never 0.
 * @param {ArrayLike<number>} values
 * @param {number} [from]
 * @param {number} [count]
 * @returns {number}
 */
export function largest(values, from = 0, count = values.length) {
  let most = 1e-6;
  for (let i = from; i < from + count; i++) most = Math.max(most, Math.abs(values[i]));
  return most;
}
