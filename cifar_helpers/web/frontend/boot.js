// A page without a kernel: starts each widget of the page from the record that stands where it goes.
import { LocalModel } from "./ui.js";

/** @param {string} text base64 */
function fromBase64(text) {
  const letters = atob(text);
  const bytes = new Uint8Array(letters.length);
  for (let k = 0; k < bytes.length; k++) bytes[k] = letters.charCodeAt(k); // ten times as fast as from() with a function
  return bytes;
}

/**
 * The record of a widget: JSON in which bytes are {"$bytes": base64}.
 * @param {Element} el with the record in a script of type application/json
 * @returns {any}
 */
export function recordIn(el) {
  const script = el.querySelector('script[type="application/json"]');
  return JSON.parse(script.textContent, (_, value) => (value?.$bytes === undefined ? value : fromBase64(value.$bytes)));
}

/**
 * Every element with `data-widget="NAME"` holds its state; what a widget loads by name stands in scripts with
 * `data-file="NAME"`, base64.
 * @param {Record<string, (host: any) => void>} renders by name of the module
 */
export function boot(renders) {
  const load = async name => {
    const file = document.querySelector(`script[data-file="${CSS.escape(name)}"]`);
    if (!file) throw new Error(`this page has no file ${name}`);
    return fromBase64(file.textContent.trim());
  };
  for (const el of document.querySelectorAll("[data-widget]")) {
    el.model = new LocalModel(recordIn(el));
    el.close = renders[el.dataset.widget]({ model: el.model, el, load });
  }
  document.documentElement.dataset.booted = "true";
}
