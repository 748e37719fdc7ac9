/** Of the cases of a suite. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
}
