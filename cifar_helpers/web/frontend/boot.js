// A page without a kernel: starts each widget of the page from the record that stands where it goes.
import { LocalModel } from "./ui.js";

/** @param {string} text base64 */
function fromBase64(text) {
  return Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
}

/** Bytes stand in JSON as {"$bytes": base64}. */
function revive(_key, value) {
  return value && typeof value === "object" && "$bytes" in value ? fromBase64(value.$bytes) : value;
}

/**
 * Every element with `data-widget="NAME"` holds its state in a script of type application/json; what a widget loads by
 * name stands in scripts with `data-file="NAME"`, base64, anywhere on the page.
 * @param {Record<string, (host: {model: any, el: HTMLElement, load: (name: string) => Promise<Uint8Array>}) => any>} renders
 */
export function boot(renders) {
  const load = async name => {
    const file = document.querySelector(`script[data-file="${CSS.escape(name)}"]`);
    if (!file) throw new Error(`this page has no file ${name}`);
    return fromBase64(/** @type {string} */ (file.textContent).trim());
  };
  for (const el of document.querySelectorAll("[data-widget]")) {
    const place = /** @type {any} */ (el);
    const record = place.querySelector('script[type="application/json"]');
    place.model = new LocalModel(JSON.parse(record.textContent, revive));
    place.close = renders[place.dataset.widget]({ model: place.model, el: place, load });
  }
  document.documentElement.dataset.booted = "true";
}
