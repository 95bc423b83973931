// The ways to bring a picture: choose one, draw on it, open or drop or paste a file, or use the camera.
import styles from "./picture_input.css";
import { h, canvas } from "./ui.js";
import { paintBytes } from "./colour.js";
import { segmented, button } from "./controls.js";
import { picture } from "./picture.js";
import { resized } from "./resize.js";

const SIDE = 32;
const SMALLEST = 8;
const PENS = [
  ["black", [20, 22, 26]], ["white", [255, 255, 255]], ["brown", [107, 68, 35]],
  ["green", [63, 143, 63]], ["blue", [77, 143, 214]], ["red", [216, 72, 43]],
];

/** The CSS of these parts, which a widget adds to its own. */
export const pictureStyles = styles;

/**
 * The central square of what can be drawn on a canvas, transparent parts on white.
 * @param {CanvasImageSource} source
 * @param {number} width
 * @param {number} height
 * @returns {{pixels: Uint8Array, side: number}} (side, side, 3)
 */
export function centralSquare(source, width, height) {
  const side = Math.min(width, height);
  if (side < SMALLEST) throw new Error(`The picture has ${width} × ${height} pixels; its shorter side needs ${SMALLEST}.`);
  const surface = canvas(side, side);
  const context = /** @type {CanvasRenderingContext2D} */ (surface.getContext("2d", { willReadFrequently: true }));
  context.fillStyle = "#fff";
  context.fillRect(0, 0, side, side);
  context.drawImage(source, -Math.floor((width - side) / 2), -Math.floor((height - side) / 2));
  const { data } = context.getImageData(0, 0, side, side);
  const pixels = new Uint8Array(side * side * 3);
  for (let i = 0, o = 0; i < data.length; i += 4) {
    pixels[o++] = data[i];
    pixels[o++] = data[i + 1];
    pixels[o++] = data[i + 2];
  }
  return { pixels, side };
}

/**
 * A file as a square of pixels.
 * @param {Blob} file
 * @returns {Promise<{pixels: Uint8Array, side: number}>}
 */
export async function squareOf(file) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file);
  } catch {
    throw new Error("This file is no picture that the browser can read: take a PNG, JPEG, GIF or WebP file.");
  }
  const square = centralSquare(bitmap, bitmap.width, bitmap.height);
  bitmap.close();
  return square;
}

/**
 * @param {{pictures: {name: string, pixels: Uint8Array}[], label: string, changed: (pixels: Uint8Array, name: string) =>
 *     void, told: (text: string) => void}} options the pictures to choose from, 32×32×3 each; the accessible name of
 *     the picture; what hears of a new picture with its name; and what shows a sentence, empty when all is well
 * @returns {{gallery: any, node: any, pens: any, sources: any, set: (pixels: Uint8Array) => void, reveal: () => void,
 *     listen: (root: HTMLElement) => void, close: () => void}} four elements for the widget to place; `set` shows a
 *     picture; `reveal` scrolls the gallery to the chosen one; `listen` takes what is dropped or pasted anywhere on an
 *     element; `close` turns the camera off
 */
export function pictureInput({ pictures, label, changed, told }) {
  let pixels = new Uint8Array(SIDE * SIDE * 3);
  let ink = PENS[0][1];
  /** @type {[number, number] | null} */
  let last = null; // where the pen was, while it draws
  let cursor = [SIDE / 2, SIDE / 2];

  const give = (now, name) => {
    set(now);
    changed(now, name);
  };
  const choices = pictures.map(({ name, pixels: shown }, k) => {
    const small = canvas(SIDE, SIDE);
    paintBytes(small, shown, SIDE, SIDE);
    return { value: k, text: small, name };
  });
  const gallery = segmented("Pictures", choices, -1, k => {
    stop();
    told("");
    give(pictures[k].pixels, pictures[k].name);
  });
  gallery.node.classList.add("pi-gallery");
  gallery.buttons.forEach((one, k) => one.setAttribute("title", pictures[k].name));

  const pens = segmented(
    "Pen",
    PENS.map(([name, rgb]) => ({
      value: rgb, name, text: h("span", { class: "pi-ink", style: `background:rgb(${rgb})` }),
    })),
    ink,
    rgb => {
      ink = rgb;
    },
  );
  pens.node.classList.add("pi-pens");

  const shown = picture(`${label} Drag to draw on it, or move with the arrow keys and draw with the space bar.`, {
    rows: SIDE,
    columns: SIDE,
    moved(row, column, byPointer) {
      cursor = [row, column];
      shown.place(row, column);
      if (byPointer) draw(row, column);
      else shown.mark(row - 1, column - 1, 3, 3);
    },
  });
  shown.node.classList.add("pi-picture");
  const lift = () => {
    last = null;
  };
  for (const event of ["pointerup", "pointercancel", "lostpointercapture"]) shown.node.addEventListener(event, lift);
  shown.node.addEventListener("blur", () => shown.mark(0, 0, 0, 0));
  shown.node.addEventListener("keydown", event => {
    if (event.key !== " " && event.key !== "Enter") return;
    event.preventDefault();
    draw(cursor[0], cursor[1]);
    last = null;
  });

  /** A stroke of three pixels' width from where the pen was. */
  function draw(row, column) {
    stop();
    const next = pixels.slice();
    const [fromRow, fromColumn] = last ?? [row, column];
    const steps = Math.max(1, Math.abs(row - fromRow), Math.abs(column - fromColumn));
    for (let step = 0; step <= steps; step++) {
      const y = Math.round(fromRow + ((row - fromRow) * step) / steps);
      const x = Math.round(fromColumn + ((column - fromColumn) * step) / steps);
      for (let v = Math.max(0, y - 1); v <= Math.min(SIDE - 1, y + 1); v++) {
        for (let u = Math.max(0, x - 1); u <= Math.min(SIDE - 1, x + 1); u++) next.set(ink, (v * SIDE + u) * 3);
      }
    }
    last = [row, column];
    gallery.set(-1);
    give(next, "a drawing");
  }

  function set(now) {
    pixels = now;
    paintBytes(shown.canvas, now, SIDE, SIDE);
    gallery.set(pictures.findIndex(one => one.pixels.every((value, i) => value === now[i])));
  }

  const open = async file => {
    stop();
    try {
      const square = await squareOf(file);
      told("");
      give(resized(square.pixels, square.side, square.side, SIDE), "your picture");
    } catch (error) {
      told(/** @type {Error} */ (error).message);
    }
  };
  const chooser = h("input", { type: "file", accept: "image/*", hidden: true });
  chooser.addEventListener("change", () => {
    if (chooser.files[0]) open(chooser.files[0]);
    chooser.value = "";
  });

  /** @type {MediaStream | null} */
  let stream = null;
  let frame = 0;
  let asked = 0; // counts, so that a camera that starts after it was given up is turned off at once
  const video = h("video", { playsinline: true, muted: true });
  const camera = button("Camera", () => (stream ? stop() : start()));
  function stop() {
    asked += 1;
    cancelAnimationFrame(frame);
    stream?.getTracks().forEach(track => track.stop());
    stream = null;
    video.srcObject = null;
    camera.textContent = "Camera";
  }
  async function start() {
    const own = ++asked;
    try {
      const found = await navigator.mediaDevices.getUserMedia({ video: { width: 320, height: 240 } });
      if (own !== asked) return found.getTracks().forEach(track => track.stop());
      stream = found;
      video.srcObject = found;
      await video.play();
    } catch (error) {
      if (own !== asked) return;
      stop();
      const refused = /** @type {Error} */ (error).name === "NotAllowedError";
      told(
        refused
          ? "The camera was refused. Allow it in the browser's settings for this page, or open a file."
          : "No camera can be used here: it needs one, and a page from https, localhost or disk. Open a file instead.",
      );
      return;
    }
    told("");
    camera.textContent = "Hold still"; // keeps the frame that is seen now
    const next = () => {
      frame = requestAnimationFrame(next);
      if (!video.videoWidth) return;
      const square = centralSquare(video, video.videoWidth, video.videoHeight);
      give(resized(square.pixels, square.side, square.side, SIDE), "the camera's picture");
    };
    next();
  }

  return {
    gallery: gallery.node,
    node: shown.node,
    pens: pens.node,
    sources: h("div", { class: "pi-sources" }, button("Open…", () => chooser.click()), camera, chooser),
    set,
    reveal() {
      const button = gallery.buttons.find(one => one.getAttribute("aria-checked") === "true");
      if (button) gallery.node.scrollLeft = button.offsetLeft - gallery.node.clientWidth / 2;
    },
    listen(root) {
      const take = (event, data) => {
        const file = Array.from(data?.files ?? []).find(one => one.type.startsWith("image/")) ?? data?.files[0];
        if (!file) return;
        event.preventDefault();
        open(file);
      };
      root.addEventListener("dragover", event => {
        event.preventDefault();
        shown.node.classList.add("pi-over");
      });
      root.addEventListener("dragleave", () => shown.node.classList.remove("pi-over"));
      root.addEventListener("drop", event => {
        event.preventDefault();
        shown.node.classList.remove("pi-over");
        take(event, event.dataTransfer);
      });
      root.addEventListener("paste", event => take(event, event.clipboardData));
    },
    close: stop,
  };
}
