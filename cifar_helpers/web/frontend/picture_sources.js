// Ways to bring in a picture: open, drop or paste a file, or use the camera.
import { h } from "./ui.js";
import { button } from "./controls.js";

const SMALLEST = 8;

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
 *     number, name: string) => void}} options highlighted while a file is dragged over it; shows a problem, or nothing
 *     if the text is empty; and called with a picture
 * @returns {{node: any, listen: (root: HTMLElement) => void, stop: () => void}} the buttons; `listen` accepts files
 *     dropped or pasted anywhere on an element; `stop` turns the camera off
 */
export function pictureSources({ target, told, opened }) {
  const open = async file => {
    stop();
    let bitmap;
    try {
      bitmap = await createImageBitmap(file);
    } catch {
      told("The browser can’t read this file as a picture. Choose a PNG, JPEG, GIF or WebP file.");
      return;
    }
    take(bitmap, bitmap.width, bitmap.height, "your picture");
    bitmap.close();
  };
  function take(source, width, height, name) {
    if (Math.min(width, height) < SMALLEST) {
      told(`The picture is ${width} × ${height} pixels. Choose one whose shorter side has at least ${SMALLEST}.`);
      return;
    }
    opened(source, width, height, name);
    told("");
  }
  const chooser = h("input", { type: "file", accept: "image/*", hidden: true });
  chooser.addEventListener("change", () => {
    if (chooser.files[0]) open(chooser.files[0]);
    chooser.value = "";
  });

  let stream = null;
  let frame = 0;
  let asked = 0; // counts requests, so that a camera that starts after its request was cancelled is turned off at once
  const video = h("video", { playsinline: true, muted: true });
  const camera = button("Camera", () => (stream ? stop() : start()));
  const end = of => of?.getTracks().forEach(track => track.stop());
  function stop() {
    asked += 1;
    cancelAnimationFrame(frame);
    end(stream);
    stream = null;
    video.srcObject = null;
    camera.textContent = "Camera";
  }
  async function start() {
    const own = ++asked;
    try {
      const found = await navigator.mediaDevices.getUserMedia({ video: { width: 320, height: 240 } });
      if (own !== asked) return end(found);
      stream = found;
      video.srcObject = found;
      await video.play();
    } catch (error) {
      if (own !== asked) return;
      stop();
      const refused = error.name === "NotAllowedError";
      told(
        refused
          ? "The camera is blocked. Allow it in the browser’s settings for this page, or open a file."
          : "No camera was found. (Browsers allow cameras only on https, localhost or local files.) Open a file instead.",
      );
      return;
    }
    camera.textContent = "Take picture"; // keeps the current frame
    const next = () => {
      frame = requestAnimationFrame(next);
      if (video.videoWidth) take(video, video.videoWidth, video.videoHeight, "the camera’s picture");
    };
    next();
  }

  return {
    node: h("div", { class: "pi-sources" }, button("Open…", () => chooser.click()), camera, chooser),
    stop,
    listen(root) {
      const light = on => target.classList.toggle("pi-over", on);
      const given = (event, data) => {
        const files = Array.from(data?.files ?? []);
        if (!files.length) return;
        event.preventDefault();
        open(files.find(one => one.type.startsWith("image/")) ?? files[0]);
      };
      root.addEventListener("dragover", event => {
        event.preventDefault();
        light(true);
      });
      root.addEventListener("dragleave", () => light(false));
      root.addEventListener("drop", event => {
        event.preventDefault();
        light(false);
        given(event, event.dataTransfer);
      });
      root.addEventListener("paste", event => given(event, event.clipboardData));
    },
  };
}
