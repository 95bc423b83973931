// The ways to bring a picture from outside: open, drop or paste a file, or use the camera.
import { h } from "./ui.js";
import { button } from "./controls.js";

/**
 * @param {{target: HTMLElement, told: (text: string) => void, opened: (source: CanvasImageSource, width: number, height:
 *     number, name: string) => void}} options what lights up while a file is dragged over; what shows a sentence,
 *     empty when all is well; and what takes a picture, and raises an Error if it cannot be used
 * @returns {{node: any, listen: (root: HTMLElement) => void, stop: () => void}} the buttons; `listen` takes what is
 *     dropped or pasted anywhere on an element; `stop` turns the camera off
 */
export function pictureSources({ target, told, opened }) {
  const open = async file => {
    stop();
    let bitmap;
    try {
      bitmap = await createImageBitmap(file);
    } catch {
      told("This file is no picture that the browser can read: take a PNG, JPEG, GIF or WebP file.");
      return;
    }
    take(bitmap, bitmap.width, bitmap.height, "your picture");
    bitmap.close();
  };
  function take(source, width, height, name) {
    try {
      opened(source, width, height, name);
      told("");
    } catch (error) {
      told(/** @type {Error} */ (error).message);
    }
  }
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
    camera.textContent = "Hold still"; // keeps the frame that is seen now
    const next = () => {
      frame = requestAnimationFrame(next);
      if (video.videoWidth) take(video, video.videoWidth, video.videoHeight, "the camera's picture");
    };
    next();
  }

  return {
    node: h("div", { class: "pi-sources" }, button("Open…", () => chooser.click()), camera, chooser),
    stop,
    listen(root) {
      const given = (event, data) => {
        const file = Array.from(data?.files ?? []).find(one => one.type.startsWith("image/")) ?? data?.files[0];
        if (!file) return;
        event.preventDefault();
        open(file);
      };
      root.addEventListener("dragover", event => {
        event.preventDefault();
        target.classList.add("pi-over");
      });
      root.addEventListener("dragleave", () => target.classList.remove("pi-over"));
      root.addEventListener("drop", event => {
        event.preventDefault();
        target.classList.remove("pi-over");
        given(event, event.dataTransfer);
      });
      root.addEventListener("paste", event => given(event, event.clipboardData));
    },
  };
}
