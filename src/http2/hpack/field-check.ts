/** What a server may send in a field: RFC 9113, section 8.2.1. */

/** Visible ASCII but capital letters, and but the colon, which is for pseudo-header fields. */
const goodName = /^[!-9;-@[-~]+$/;
/** Characters that are not latin1, NUL, CR, LF, and a space or a tab at either end. */
const badValue = /[\0\r\n\u0100-\uffff]|^[ \t]|[ \t]$/;

/** @throws TypeError that names the field, but not its value, which may be personal */
export function checkField(name: string, value: string): void {
  if (!goodName.test(name)) throw new TypeError(`${JSON.stringify(name)} is not the name of a field`);
  if (badValue.test(value)) throw new TypeError(`the value of ${name} has a character that a field cannot have there`);
}
