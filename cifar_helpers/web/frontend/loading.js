// A widget that first loads files: a sentence until they are there, and then the widget itself.
import { h, mount, loader } from "./ui.js";

/**
 * @param {{model: import("./ui.js").Model, el: HTMLElement, load?: (name: string) => Promise<Uint8Array>}} host what
 *     `render` gets
 * @param {{name: string, label: string, styles: string, files: string[], show: (model: any, place: any, files:
 *     Uint8Array[], get: (name: string) => Promise<Uint8Array>) => {recolour: () => void, close: () => void}}} widget
 *     its module, accessible name and CSS; the files that it cannot do without; and what shows it in the place that
 *     `mount` gives
 * @returns {() => void} takes it away
 */
export function afterLoading({ model, el, load }, { name, label, styles, files, show }) {
  let view = null;
  let closed = false;
  const place = mount(el, name, label, styles, () => view?.recolour());
  const get = load ?? loader(model, place.root);
  const status = h("p", { class: "cw-cap", role: "status" }, "Loading …");
  place.root.append(status);
  Promise.all(files.map(file => get(file))).then(
    contents => {
      if (closed) return;
      status.remove();
      view = show(model, place, contents, get);
    },
    error => {
      status.textContent = `This could not be loaded: ${error.message}. ${again(model)}`;
    },
  );
  return () => {
    closed = true;
    view?.close();
    place.close();
  };
}

/**
 * What to do when a file could not be loaded.
 * @param {import("./ui.js").Model} model which can send where there is a notebook
 */
export function again(model) {
  return model.send ? "Run the cell again." : "Reload the page.";
}
