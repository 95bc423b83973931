// A wall of small pictures with captions above them, page by page: click, tap or arrow keys choose one.
import styles from "./image_wall.css";
import { h, canvas } from "./ui.js";
import { paintBytes } from "./colour.js";
import { arrows, button } from "./controls.js";
import { clamp } from "./numbers.js";

const SIDE = 32;
const BYTES = SIDE * SIDE * 3;
const IN_STRIP = 12;

/** The CSS of these parts, which a widget adds to its own. */
export const wallStyles = styles;

/** @typedef {{index: number, label: number, pixels: Uint8Array}} Picture its number in the data set, class, pixels */

/**
 * What `packed_pictures` of Python has packed.
 * @param {Uint8Array} bytes
 * @returns {Picture[]}
 */
export function unpackPictures(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = view.getUint32(0, true);
  const labels = 4 + 4 * count;
  return Array.from({ length: count }, (_, k) => {
    const from = labels + count + k * BYTES;
    return {
      index: view.getUint32(4 + 4 * k, true), label: bytes[labels + k], pixels: bytes.subarray(from, from + BYTES),
    };
  });
}

/**
 * A page of the wall shows the chosen picture. Columns are set by the style `--columns` of the node.
 * @param {string} label its accessible name
 * @param {number} size pictures on a page
 * @param {(k: number) => void} chosen hears of the place in the list
 * @param {boolean} [doesBrowse] whether another page leaves the choice as it is; pages are counted then, since captions
 *     of the pictures may count from 0
 * @returns {{node: any, pager: any, set: (list: {total: number, chosen: number, caption?: (k: number) => string,
 *     name: (k: number) => string, pixels: (k: number) => ArrayLike<number> | undefined}) => void}} `set` shows the
 *     page of a list that holds place `chosen` (-1: none is); a picture without pixels yet stays blank
 */
export function imageWall(label, size, chosen, doesBrowse = false) {
  /** @type {any} */
  let list = { total: 0 };
  let current = 0;
  let page = 0;
  const slots = Array.from({ length: size }, (_, k) => {
    const surface = canvas(SIDE, SIDE);
    const caption = h("span", { class: "cw-cap", "aria-hidden": "true" });
    const node = h("div", { class: "iw-slot", role: "option", onclick: () => go(page * size + k) }, caption, surface);
    return { node, surface, caption, shown: /** @type {any} */ (null) };
  });
  const node = h("div", { class: "iw", role: "listbox", "aria-label": label }, slots.map(slot => slot.node));
  const text = h("span", { class: "cw-cap" });
  const back = button("‹", () => turn(-1), { name: "Previous page" });
  const forth = button("›", () => turn(1), { name: "Next page" });
  const pager = h("div", { class: "iw-pager", role: "group", "aria-label": "Pages" }, back, text, forth);

  const pageOf = k => Math.floor(k / size);
  /** Where arrow keys start: at the choice, where its page is shown. */
  const here = () => (pageOf(current) === page ? current : page * size);

  /** @param {number} k clipped to the list */
  function go(k) {
    if (!list.total) return;
    current = clamp(k, 0, list.total - 1);
    page = pageOf(current);
    chosen(current);
  }

  /** @param {number} step */
  function turn(step) {
    const first = (page + step) * size;
    if (first < 0 || first >= list.total) return;
    if (!doesBrowse) return go(first);
    page += step;
    draw();
  }

  arrows(node, (down, right) => {
    const columns = getComputedStyle(node).gridTemplateColumns.split(" ").length;
    if (Math.abs(down) > size) turn(Math.sign(down));
    else {
      const next = here() + down * columns + right;
      if (down && (next < 0 || next >= list.total)) return;
      go(next);
    }
    slots[here() % size].node.focus();
  });

  function draw() {
    const { total } = list;
    const first = page * size;
    slots.forEach((slot, place) => {
      const k = first + place;
      slot.node.classList.toggle("iw-empty", k >= total);
      slot.node.tabIndex = k === here() && total ? 0 : -1;
      if (k >= total) return;
      slot.node.setAttribute("aria-selected", k === list.chosen);
      slot.node.setAttribute("aria-label", list.name(k));
      slot.node.title = list.name(k);
      slot.caption.hidden = !list.caption;
      slot.caption.textContent = list.caption?.(k) ?? "";
      const pixels = list.pixels(k);
      if (pixels === slot.shown) return;
      slot.shown = pixels;
      if (pixels) paintBytes(slot.surface, pixels, SIDE, SIDE);
      else slot.surface.getContext("2d")?.clearRect(0, 0, SIDE, SIDE);
    });
    const last = Math.min(total, first + size);
    const places = doesBrowse
      ? `page ${page + 1} of ${pageOf(total - 1) + 1}`
      : `${first + 1}–${last} of ${total.toLocaleString("en-US")}`;
    text.textContent = total ? places : "none";
    back.setAttribute("aria-disabled", first === 0);
    forth.setAttribute("aria-disabled", last >= total);
  }

  return {
    node,
    pager,
    set(next) {
      const isSame = doesBrowse && next.chosen === list.chosen && next.total === list.total;
      list = next;
      current = clamp(next.chosen, 0, next.total - 1);
      if (!isSame) page = Math.max(0, pageOf(current));
      draw();
    },
  };
}

/**
 * A wall of one row, for the pictures that a widget offers.
 * @param {{count?: number, pixels: (k: number) => Uint8Array | undefined, name: (k: number) => string, chosen: (k:
 *     number) => void}} options how many there are, if that stays so; bytes (32, 32, 3) and name of one; and what hears
 *     of a choice
 * @returns {{node: any, set: (k: number, total?: number) => void}} `set` shows a picture as chosen, and the part of the row
 *     where it is
 */
export function filmstrip({ count = Infinity, pixels, name, chosen }) {
  const wall = imageWall("Picture", Math.min(IN_STRIP, count), chosen, true);
  const node = h("div", { class: "iw-film" }, wall.node, wall.pager);
  return {
    node,
    set(k, total = count) {
      wall.pager.hidden = total <= IN_STRIP;
      wall.set({ total, chosen: k, name, pixels });
    },
  };
}
