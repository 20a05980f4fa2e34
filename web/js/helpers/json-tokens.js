/**
 * JSON taken apart as text. JSON.parse would turn 9223372036854775808 into 9223372036854776000 and reorder keys such
 * as "2" and "1"; here every token stays as it was written.
 */

/** @typedef {{kind: "open" | "close" | "comma" | "colon" | "string" | "number" | "word", text: string, start: number}} Token */

const TOKEN = /[ \t\n\r]*(?:([{[])|([}\]])|(,)|(:)|("[^"\\]*(?:\\.[^"\\]*)*")|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(true|false|null))/ysu;
const KINDS = /** @type {const} */ (["open", "close", "comma", "colon", "string", "number", "word"]);

/**
 * @param {string} text
 * @returns {Generator<Token>}
 * @throws {SyntaxError} where the text is not made of JSON tokens
 */
export function* tokenise(text) {
  const pattern = new RegExp(TOKEN);
  const end = text.trimEnd().length;
  while (pattern.lastIndex < end) {
    const from = pattern.lastIndex;
    const found = pattern.exec(text);
    if (!found) throw new SyntaxError(`no JSON token at ${from}`);
    const index = found.slice(1).findIndex((group) => group !== undefined);
    const token = found[index + 1];
    yield { kind: KINDS[index], text: token, start: pattern.lastIndex - token.length };
  }
}

/**
 * The text of one member of a JSON object, exactly as it stands there.
 * @param {string} text a JSON object
 * @param {string} name
 * @returns {string | null} null when there is no such member
 */
export function memberText(text, name) {
  let depth = 0;
  let key = null;
  let start = -1;
  let last = "";
  for (const token of tokenise(text)) {
    const ends = depth === 1 && start >= 0 && (token.kind === "comma" || token.kind === "close");
    if (ends && key === name) return text.slice(start, token.start).trim();
    if (ends) [start, key] = [-1, null];
    if (depth === 1 && start < 0 && token.kind === "colon") {
      key = JSON.parse(last);
      start = token.start + 1;
    }
    if (token.kind === "open") depth += 1;
    if (token.kind === "close") depth -= 1;
    last = token.text;
  }
  return null;
}

/**
 * The same tokens with line breaks and indentation between them.
 * @param {string} text
 * @returns {{kind: string, text: string}[]} `space` pieces among the tokens; keys have the kind `key`
 * @throws {SyntaxError}
 */
export function layOut(text) {
  const tokens = [...tokenise(text)];
  const pieces = [];
  let depth = 0;
  const breakLine = () => pieces.push({ kind: "space", text: `\n${"  ".repeat(depth)}` });
  tokens.forEach((token, index) => {
    const before = tokens[index - 1];
    const after = tokens[index + 1];
    if (token.kind === "close") {
      depth -= 1;
      if (before && before.kind !== "open") breakLine();
    }
    pieces.push({ kind: token.kind === "string" && after?.kind === "colon" ? "key" : token.kind, text: token.text });
    if (token.kind === "open") depth += 1;
    if (token.kind === "comma" || (token.kind === "open" && after && after.kind !== "close")) breakLine();
    if (token.kind === "colon") pieces.push({ kind: "space", text: " " });
  });
  return pieces;
}
