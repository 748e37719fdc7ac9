import { expect, test } from "vitest";
import { bitsOf, featureNames, featuresIn, UnknownFeaturesError } from "../../src/users/features.ts";

test("features are the sum of their bits, and are read back from it", () => {
  expect(featuresIn(0)).toEqual([]);
  for (const name of featureNames) expect(featuresIn(bitsOf([name, name]))).toEqual([name]);
  expect(featuresIn(bitsOf(featureNames))).toEqual(featureNames);
});

test.each([30, 31, 32, 52])("bit %s is a feature of a newer version", (bit) => {
  const sum = 2 ** bit + bitsOf(featureNames);
  expect(() => featuresIn(sum)).toThrow(UnknownFeaturesError);
  expect(() => featuresIn(sum)).toThrow(`(bits ${bit})`);
});
