// Many pictures in a row, a few at a time: one is chosen by a click or the arrow keys.
import styles from "./filmstrip.css";
import { h, canvas } from "./ui.js";
import { paintBytes } from "./colour.js";
import { segmented } from "./controls.js";

const SHOWN = 10;

/** The CSS of this part, which a widget adds to its own. */
export const filmStyles = styles;

/**
 * @param {{count: number, side: number, pixels: (k: number) => Uint8Array, name: (k: number) => string, chosen: (k:
 *     number) => void}} options how many square pictures of how many pixels; bytes (side, side, 3) and name of one; and
 *     what hears of a choice
 * @returns {{node: any, set: (k: number) => void}} `set` shows a picture as chosen, and the part of the row where it is
 */
export function filmstrip({ count, side, pixels, name, chosen }) {
  const shown = Math.min(SHOWN, count);
  const faces = Array.from({ length: shown }, () => canvas(side, side));
  let first = 0;
  let current = 0;
  const row = segmented(
    "Picture",
    faces.map((face, slot) => ({ value: slot, text: face })),
    0,
    slot => {
      current = first + slot;
      chosen(current);
    },
  );
  const page = by => {
    first = Math.max(0, Math.min(count - shown, first + by * shown));
    draw();
  };
  const back = h("button", { type: "button", "aria-label": "Earlier pictures", onclick: () => page(-1) }, "‹");
  const on = h("button", { type: "button", "aria-label": "Later pictures", onclick: () => page(1) }, "›");

  function draw() {
    faces.forEach((face, slot) => {
      paintBytes(face, pixels(first + slot), side, side);
      row.buttons[slot].setAttribute("aria-label", name(first + slot));
      row.buttons[slot].setAttribute("title", name(first + slot));
    });
    row.set(current - first);
    back.disabled = first === 0;
    on.disabled = first === count - shown;
  }

  return {
    node: h("div", { class: "cw-film" }, count > shown ? [back, row.node, on] : row.node),
    set(k) {
      current = k;
      if (k < first || k >= first + shown) first = Math.min(count - shown, k - (k % shown));
      draw();
    },
  };
}
