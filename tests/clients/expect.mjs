// What a check is here, in Node and in a browser.

/** Fails with what was seen. */
export function expect(what, seen, wanted = true) {
  const [is, should] = [JSON.stringify(seen), JSON.stringify(wanted)];
  if (is !== should) throw new Error(`${what}: ${is} instead of ${should}`);
}
