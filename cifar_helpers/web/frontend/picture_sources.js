// Ways to bring in a picture: open, drop or paste a file, or use the camera.
import { h } from "./ui.js";
import { button } from "./controls.js";

const SMALLEST = 8;
const PROBLEMS = {
  NotAllowedError: "The camera is blocked. Allow it in the browser’s settings for this page",
  NotFoundError: "No camera was found. Connect one",
  TypeError: "A camera needs an address with https or localhost. Use one",
};

/**
 * Draws a picture, or nothing, on a canvas of that size; transparent parts are white.
 * @param {HTMLCanvasElement} surface
 * @param {CanvasImageSource | null} source
 * @param {number} width
 * @param {number} height
 */
export function drawOnWhite(surface, source, width, height) {
  surface.width = width;
  surface.height = height;
  const context = surface.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  context.imageSmoothingQuality = "high";
  if (source) context.drawImage(source, 0, 0, width, height);
}

/**
 * The pixels of a square of a canvas, (side, side, 3).
 * @param {HTMLCanvasElement} surface
 * @param {number} left
 * @param {number} top
 * @param {number} side
 */
export function squareOf(surface, left, top, side) {
  const { data } = surface.getContext("2d").getImageData(left, top, side, side);
  const pixels = new Uint8Array(side * side * 3);
  for (let i = 0; i < side * side; i++) pixels.set(data.subarray(i * 4, i * 4 + 3), i * 3);
  return pixels;
}

/**
 * @param {{target: HTMLElement, told: (text: string) => void, opened: (source: CanvasImageSource, width: number, height:
 *     number, name: string) => void, keep: () => () => void, stopped?: () => void}} options highlighted while a file is
 *     dragged over it; shows a problem, or nothing if the text is empty; called with a picture; called before a
 *     file or the camera's first picture, to return what restores the present one; and called after the camera's last
 * @returns {{node: any, listen: (root: HTMLElement) => void, stop: () => void, isLive: () => boolean}} the buttons;
 *     `listen` accepts files dropped or pasted anywhere on an element, and Escape, which cancels the camera; `stop` turns
 *     it off; whether it is on
 */
export function pictureSources({ target, told, opened, keep, stopped = () => {} }) {
  const open = async file => {
    stop();
    const bitmap = await createImageBitmap(file).catch(() => null);
    const why = /svg/.test(file.type) ? "SVG files don’t work here" : "The browser can’t read this file as a picture";
    if (!bitmap) return told(`${why}. Choose a PNG, JPEG, GIF or WebP file.`);
    const { width, height } = bitmap;
    if (Math.min(width, height) < SMALLEST) {
      return told(`The picture is ${width} × ${height} pixels. It needs at least ${SMALLEST} × ${SMALLEST}.`);
    }
    keep();
    opened(bitmap, width, height, "your picture");
    told("");
    bitmap.close();
  };
  const accept = "image/png,image/jpeg,image/gif,image/webp";
  const chooser = h("input", { type: "file", accept, hidden: true, onchange() {
    if (chooser.files[0]) open(chooser.files[0]);
    chooser.value = "";
  } });

  let stream = null;
  let asked = 0; // counts requests: a camera that starts after its own was cancelled goes off
  let restore = null;
  const video = h("video", { playsinline: true, muted: true });
  const cancel = () => {
    stop();
    restore();
  };
  const opener = button("", () => (stream ? cancel() : chooser.click()));
  const camera = button("", () => (stream ? stop() : start()));
  const end = of => of?.getTracks().forEach(track => track.stop());
  function show() {
    opener.textContent = stream ? "Cancel" : "Open…";
    camera.textContent = stream ? "Take picture" : "Camera"; // the current frame
    camera.classList.toggle("cw-main", Boolean(stream));
  }
  function stop() {
    asked += 1;
    end(stream);
    stream = null;
    show();
    stopped();
  }
  async function start() {
    const own = ++asked;
    restore = () => {};
    try {
      const found = await navigator.mediaDevices.getUserMedia({ video: { width: 320, height: 240 } });
      if (own !== asked) return end(found);
      stream = found;
      stream.getTracks()[0].onended = stop; // when it is unplugged
      video.srcObject = found;
      await video.play();
    } catch (error) {
      if (own !== asked) return;
      stop();
      return told(`${PROBLEMS[error.name] ?? "The camera did not start. Close programs that use it"}, or open a file.`);
    }
    restore = keep();
    told("");
    show();
    const next = () => {
      if (own !== asked) return;
      if (video.videoWidth) opened(video, video.videoWidth, video.videoHeight, "the camera’s picture");
      requestAnimationFrame(next);
    };
    next();
  }
  show();

  return {
    node: h("div", { class: "pi-sources" }, opener, camera, chooser),
    stop,
    isLive: () => Boolean(stream),
    listen(root) {
      const given = event => {
        const { type, dataTransfer, clipboardData } = event;
        target.classList.toggle("pi-over", type === "dragover");
        const files = [...((dataTransfer ?? clipboardData)?.files ?? [])];
        if (dataTransfer || files[0]) event.preventDefault();
        if (/^drag/.test(type)) return;
        if (files[0]) open(files.find(one => one.type.startsWith("image/")) ?? files[0]);
        else if (dataTransfer) told("This is no file. Save the picture, then open it.");
      };
      for (const type of ["dragover", "dragleave", "drop", "paste"]) root.addEventListener(type, given);
      root.addEventListener("keydown", ({ key }) => key === "Escape" && stream && cancel());
    },
  };
}
