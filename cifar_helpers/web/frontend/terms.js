// A calculation on one line: numbers, each with a caption above it, signs between them, and the result.
import styles from "./terms.css";
import { h, write } from "./ui.js";

/** The CSS of this part, which a widget adds to its own. */
export const termStyles = styles;

/**
 * @returns {{node: any, set: (terms: [string, string, string][]) => void}} `set` takes a sign (none before the first),
 *     a caption and a number for each term; the last is the result
 */
export function termLine() {
  const node = h("div", { class: "cw-terms" });
  let parts = [];
  return {
    node,
    set(terms) {
      if (parts.length !== terms.length) {
        parts = terms.map(() => [h("span"), h("span", { class: "cw-cap" }), h("b")]);
        const boxes = parts.map(([, ...words], k) => h("div", { class: k === parts.length - 1 ? "result" : null }, words));
        node.replaceChildren(...parts.flatMap(([sign], k) => [sign, boxes[k]]));
      }
      terms.forEach((words, k) => {
        words.forEach((text, which) => write(parts[k][which], text));
        parts[k][0].hidden = !words[0];
      });
    },
  };
}
