/**
 * Characters of a setting that nobody sees and that no setting needs: controls, line breaks, spaces of no width, and marks of
 * direction. Those that join letters are part of how words are written.
 */
export const invisible = /[\p{Cc}\p{Zl}\p{Zp}\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\ufeff]/u;
