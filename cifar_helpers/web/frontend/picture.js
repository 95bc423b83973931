// A picture with a frame on it that is dragged or moved with the arrow keys.
import { h, canvas } from "./ui.js";
import { arrows, cellUnder } from "./controls.js";

/**
 * @param {string} label its accessible name; where it can be moved, also how
 * @param {{rows: number, columns: number, moved?: (row: number, column: number, byPointer: boolean) => void}} options
 *     size of the picture in pixels, and what hears of the pixel under a drag or after an arrow key
 * @returns {{node: any, canvas: HTMLCanvasElement, place: (row: number, column: number, step?: number) => void,
 *     mark: (top: number, left: number, height: number, width: number) => void,
 *     rim: (padding: number) => void, gaps: (count: number, dilation: number) => void,
 *     resize: (rows: number, columns: number) => void}} `place` tells where the arrows start from and how many pixels
 *     they move; `mark` sets the frame, in pixels of the picture, clipped to it; `rim` says how many of its pixels are
 *     a border of padding, which the canvas leaves free; `gaps` marks in the frame what a dilated kernel meets
 */
export function picture(label, { rows, columns, moved }) {
  const surface = canvas(columns, rows);
  const frame = h("div", { class: "cw-frame", hidden: true });
  const node = h(
    "div",
    moved
      ? { class: "cw-picture", tabindex: 0, role: "application", "aria-roledescription": "picture", "aria-label": label }
      : { class: "cw-picture", role: "img", "aria-label": label },
    surface,
    frame,
  );
  const edge = h("div", { class: "cw-rim" });
  let at = [0, 0];
  let stride = 1;
  let meets = "";
  const resize = (height, width) => {
    rows = height;
    columns = width;
    node.style.aspectRatio = `${columns} / ${rows}`;
  };
  resize(rows, columns);
  if (moved) {
    const go = (row, column, byPointer) => {
      at = [Math.max(0, Math.min(rows - 1, row)), Math.max(0, Math.min(columns - 1, column))];
      moved(at[0], at[1], byPointer);
    };
    const drag = event => go(...cellUnder(node, event, rows, columns), true);
    node.addEventListener("pointerdown", event => {
      node.setPointerCapture(event.pointerId);
      drag(event);
    });
    node.addEventListener("pointermove", event => {
      if (event.buttons) drag(event);
    });
    arrows(node, (down, right) => go(at[0] + down * stride, at[1] + right * stride, false));
  }
  return {
    node,
    canvas: surface,
    resize,
    place(row, column, step = 1) {
      at = [row, column];
      stride = step;
    },
    rim(padding) {
      if (!edge.parentNode) node.append(edge);
      node.classList.toggle("padded", padding > 0);
      surface.style.inset = edge.style.inset = `${(padding / rows) * 100}% ${(padding / columns) * 100}%`;
      surface.style.width = `${(1 - (2 * padding) / columns) * 100}%`;
      surface.style.height = `${(1 - (2 * padding) / rows) * 100}%`;
    },
    gaps(count, dilation) {
      if (meets === `${count} ${dilation}`) return;
      meets = `${count} ${dilation}`;
      const reach = dilation * (count - 1) + 1;
      const pixels = Array.from({ length: dilation === 1 ? 0 : count * count }, (_, k) => {
        const [top, left] = [Math.floor(k / count), k % count].map(place => ((place * dilation) / reach) * 100);
        return h("i", { style: `top:${top}%;left:${left}%;width:${100 / reach}%;height:${100 / reach}%` });
      });
      frame.replaceChildren(...pixels);
    },
    mark(top, left, height, width) {
      const [t, l] = [Math.max(0, top), Math.max(0, left)];
      const [b, r] = [Math.min(rows, top + height), Math.min(columns, left + width)];
      frame.hidden = b <= t || r <= l;
      frame.style.cssText = [
        `left:${(l / columns) * 100}%`, `top:${(t / rows) * 100}%`,
        `width:${((r - l) / columns) * 100}%`, `height:${((b - t) / rows) * 100}%`,
      ].join(";");
    },
  };
}
