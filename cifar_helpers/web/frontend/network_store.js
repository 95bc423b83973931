// Networks by the names of their weights files: loaded when they are needed, then the others, one after another.
import { Network, decode } from "./network.js";

/**
 * @param {(name: string) => Promise<Uint8Array>} get
 * @param {() => void} changed when a network has arrived, or could not be loaded
 * @returns {{of: (name: string, next?: string[]) => {network?: Network, kind?: string, problem?: string}, close: () =>
 *     void}} `of` gives the network with the name of its class, what went wrong, or neither while it is loading; it
 *     asks for what is missing, and for `next` after that
 */
export function networkStore(get, changed) {
  /** @type {Map<string, {network?: Network, kind?: string, problem?: string}>} */
  const entries = new Map();
  let closed = false;

  async function ask(name, next) {
    entries.set(name, {});
    try {
      const decoded = decode(await get(name));
      entries.set(name, { network: new Network(decoded), kind: decoded.network });
    } catch (error) {
      entries.set(name, { problem: /** @type {Error} */ (error).message });
    }
    if (closed) return;
    changed();
    const missing = next.find(other => !entries.has(other));
    if (missing) ask(missing, next);
  }

  return {
    of(name, next = []) {
      if (!entries.has(name)) ask(name, next);
      return entries.get(name) ?? {};
    },
    close() {
      closed = true;
    },
  };
}
