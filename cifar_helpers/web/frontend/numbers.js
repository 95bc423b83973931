// Numbers for people: how they are written, and how what a person typed is read.

/**
 * The number next to `value` from `least` to `most`.
 * @param {number} value
 * @param {number} least
 * @param {number} most
 * @returns {number}
 */
export const clamp = (value, least, most) => Math.max(least, Math.min(most, value));

/**
 * A number with at most `digits` decimals, no trailing zeros, a real minus sign, and ninths and thirds as fractions.
 * @param {number} value
 * @param {number} [digits]
 * @returns {string}
 */
export function show(value, digits = 2) {
  const ninths = Math.round(value * 9);
  const isNinth = ninths % 9 && Math.abs(value * 9 - ninths) < 1e-5;
  const fraction = ninths % 3 ? `${ninths}/9` : `${ninths / 3}/3`;
  return signedText(isNinth ? fraction : String(+value.toFixed(digits)));
}

/**
 * A number with exactly `digits` decimals; what rounds to zero has no sign.
 * @param {number} value
 * @param {number} [digits]
 * @returns {string}
 */
export function fixed(value, digits = 2) {
  const isZero = Math.abs(value) < 0.5 * 10 ** -digits;
  return signedText((isZero ? 0 : value).toFixed(digits));
}

/** A text whose per cent signs stay with their numbers. @param {string} text */
export const unbroken = text => text.replace(/(\d) %/g, "$1\u00a0%");

/** What `fixed` or `show` wrote, without the zero before its point, for small cells: "−.04". @param {string} text */
export const bare = text => text.replace(/^(−?)0\./, "$1.");

/**
 * A share between 0 and 1 in percent.
 * @param {number} share
 * @param {number} [digits]
 * @returns {string}
 */
export function percent(share, digits = 0) {
  return `${fixed(share * 100, digits)} %`;
}

/**
 * A probability in whole percent, which says 0 or 100 % only where it is just that.
 * @param {number} share
 * @returns {string}
 */
export function chance(share) {
  if (share > 0 && share < 0.005) return "<1 %";
  return share < 1 && share >= 0.995 ? ">99 %" : percent(share);
}

/**
 * A very large number as a power of ten: "1.1 × 10⁹".
 * @param {number} value
 * @returns {string}
 */
export function scientific(value) {
  const [digits, power] = value.toExponential(1).split("e+");
  return `${signedText(digits)} × 10${[...power].map(digit => "⁰¹²³⁴⁵⁶⁷⁸⁹"[+digit]).join("")}`;
}

/** @param {string} text */
function signedText(text) {
  return text.replace("-", "−");
}

/**
 * What a person typed: "−1", "0,5" or "1/9"; NaN where it is not a number.
 * @param {string} text
 * @returns {number}
 */
export function parse(text) {
  const parts = text.replace(/[−–]/g, "-").replace(",", ".").split("/").map(part => part.trim());
  const [above, below = "1", ...more] = parts;
  const isNumber = part => /^[+-]?(\d+\.?\d*|\.\d+)$/.test(part);
  const value = !more.length && isNumber(above) && isNumber(below) ? above / below : NaN;
  return Number.isFinite(value) ? value : NaN;
}

/**
 * Numbers rounded to `digits` so that the rounded ones add up to the rounded sum (largest remainders first).
 * @param {ArrayLike<number>} values
 * @param {number} [digits]
 * @returns {{parts: number[], sum: number}}
 */
export function roundedToSum(values, digits = 2) {
  const unit = 10 ** digits;
  const exact = Array.from(values, value => value * unit);
  const sum = Math.round(exact.reduce((a, b) => a + b, 0));
  const parts = exact.map(Math.floor);
  const order = exact.map((value, k) => [value - parts[k], k]).sort((a, b) => b[0] - a[0]);
  const missing = sum - parts.reduce((a, b) => a + b, 0);
  for (let k = 0; k < missing; k++) parts[order[k][1]] += 1;
  return { parts: parts.map(part => part / unit), sum: sum / unit };
}
