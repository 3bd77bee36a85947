// What a reader of events needs besides a connection: words are opened with WebCrypto, older forms are read as newer ones.
import { webcrypto } from "node:crypto";

const SEALED = "enc:v1:"; // enc:v1:{kid}:{base64url(nonce[12] || ciphertext || tag[16])}
const utf8 = new TextEncoder();

/** Return the kids of the sealed words in an event's data, to ask the query `keys` for them. */
export function kidsIn(data, kids = new Set()) {
  if (typeof data === "string") {
    if (data.startsWith(SEALED)) kids.add(data.split(":")[2]);
  } else if (data !== null && typeof data === "object") {
    for (const value of Object.values(data)) kidsIn(value, kids);
  }
  return kids;
}

/**
 * Return an event's data with its words opened; without their key `missing` stands in their place.
 * keys: Map of kid to the 32 bytes in base64url (null: the words were erased). Throws where a member was altered or moved.
 */
export async function openData(event, keys, missing = "[sealed]") {
  async function walk(node, pointer) {
    if (typeof node === "string") return node.startsWith(SEALED) ? member(node, pointer) : node;
    if (Array.isArray(node)) return Promise.all(node.map((item, index) => walk(item, `${pointer}/${index}`)));
    if (node === null || typeof node !== "object") return node;
    const opened = Object.entries(node).map(async ([name, value]) => {
      const token = name.replaceAll("~", "~0").replaceAll("/", "~1"); // JSON Pointer
      return [name, await walk(value, `${pointer}/${token}`)];
    });
    return Object.fromEntries(await Promise.all(opened));
  }
  async function member(sealed, pointer) {
    const [, , kid, words] = sealed.split(":");
    const key = keys.get(kid);
    if (!key) return missing;
    const octets = Buffer.from(words, "base64url");
    const secret = await webcrypto.subtle.importKey("raw", Buffer.from(key, "base64url"), "AES-GCM", false, ["decrypt"]);
    // The event's id and the place are part of the seal: words moved elsewhere do not open.
    const how = { name: "AES-GCM", iv: octets.subarray(0, 12), additionalData: utf8.encode(event.id + pointer) };
    const plain = await webcrypto.subtle.decrypt(how, secret, octets.subarray(12)).catch(() => {
      throw new Error(`${pointer} of event ${event.id} is not what was sealed there`);
    });
    return new TextDecoder().decode(plain);
  }
  return walk(event.data, "");
}

/** Return [newest type, data] of data stored under type. table: upcasts.json, parsed. */
export function upcast(table, type, data) {
  let step;
  while ((step = table.upcasts.find((entry) => entry.from === type))) {
    data = { ...data };
    for (const operation of step.patch) apply(data, operation);
    type = step.to;
  }
  return [type, data];
}

// JSON Patch (RFC 6902), of which upcasts use add, move and remove on direct members of data.
function apply(data, { op, path, from, value }) {
  const [to, source] = [path, from ?? path].map((pointer) => pointer.slice(1));
  if (op !== "add") {
    if (!Object.hasOwn(data, source)) throw new Error(`no member ${source} to ${op}`);
    value = data[source];
    delete data[source];
  }
  if (op !== "remove") data[to] = value;
}
