// A picture with a frame on it that is dragged or moved with the arrow keys.
import { h, canvas } from "./ui.js";
import { arrows, cellUnder, movable, stands } from "./controls.js";
import { clamp } from "./numbers.js";

const share = (part, whole) => `${(part / whole) * 100}%`;

/**
 * @param {string} label its accessible name, and how it is moved
 * @param {{rows: number, columns: number, moved?: (row: number, column: number, byPointer: boolean) => void}} options
 *     its size, and what hears of the pixel under a drag or after an arrow key
 */
export function picture(label, { rows, columns, moved }) {
  const surface = canvas(columns, rows);
  const frame = h("div", { class: "cw-frame", hidden: true });
  const edge = h("div", { class: "cw-rim" });
  const role = moved ? movable("picture") : { role: "img" };
  const node = h("div", { class: "cw-picture", ...role, "aria-label": label }, surface, frame, edge);
  let at = [0, 0];
  let stride = 1;
  let margin = 0;
  const tell = () => {
    const words = `row ${at[0] - margin}, column ${at[1] - margin}`.replaceAll("-", "−");
    stands(node, at[0] * columns + at[1], rows * columns - 1, words);
  };
  const resize = (height, width) => {
    rows = height;
    columns = width;
    node.style.aspectRatio = `${columns} / ${rows}`;
  };
  resize(rows, columns);
  if (moved) {
    tell();
    const go = (row, column, byPointer) => {
      at = [clamp(row, 0, rows - 1), clamp(column, 0, columns - 1)];
      tell();
      moved(at[0], at[1], byPointer);
    };
    const drag = event => go(...cellUnder(node, event, rows, columns), true);
    let before = at; // where a touch that scrolls goes back to
    node.addEventListener("pointerdown", event => {
      if (event.button || !event.isPrimary) return;
      before = at;
      node.setPointerCapture(event.pointerId);
      drag(event);
    });
    node.addEventListener("pointermove", event => {
      if (event.isPrimary && node.hasPointerCapture(event.pointerId)) drag(event);
    });
    node.addEventListener("pointercancel", event => event.isPrimary && go(...before, false)); // nothing is drawn there
    arrows(node, (down, right) => go(at[0] + down * stride, at[1] + right * stride, false));
  }
  return {
    node,
    canvas: surface,
    resize,
    size: () => [rows, columns],
    /** Start and step of arrow keys. @param {number} row @param {number} column @param {number} [step] */
    place(row, column, step = 1) {
      at = [row, column];
      stride = step;
      tell();
    },
    /** Pixels on each side that are padding, which the canvas leaves free. @param {number} padding */
    rim(padding) {
      margin = padding;
      node.classList.toggle("padded", padding > 0);
      surface.style.inset = edge.style.inset = `${share(padding, rows)} ${share(padding, columns)}`;
      surface.style.width = share(columns - 2 * padding, columns);
      surface.style.height = share(rows - 2 * padding, rows);
    },
    /** @param {number} top @param {number} left @param {number} height @param {number} width */
    mark(top, left, height, width) {
      const [t, l] = [Math.max(0, top), Math.max(0, left)];
      const [b, r] = [Math.min(rows, top + height), Math.min(columns, left + width)];
      frame.hidden = b <= t || r <= l;
      const place = { top: share(t, rows), left: share(l, columns) };
      Object.assign(frame.style, { ...place, height: share(b - t, rows), width: share(r - l, columns) });
    },
  };
}
