import fc from "fast-check";
import { expect, test } from "vitest";
import { Fifo, type Place } from "../../src/store/lanes/fifo.ts";
import "../support/seed.ts";

const steps = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.record({ push: fc.integer({ min: 1, max: 50 }) }) },
    { weight: 2, arbitrary: fc.record({ shift: fc.integer({ min: 1, max: 60 }) }) },
    { weight: 1, arbitrary: fc.record({ remove: fc.nat(200) }) },
  ),
  { maxLength: 60 },
);

test("items leave in the order in which they came, but for those removed", () => {
  fc.assert(
    fc.property(steps, (all) => {
      const queue = new Fifo<{ n: number }>();
      const places: Place<{ n: number }>[] = [];
      let model: { n: number }[] = [];
      for (const step of all) {
        if ("push" in step) {
          for (let i = 0; i < step.push; i++) {
            const item = { n: places.length };
            places.push(queue.push(item));
            model.push(item);
          }
        } else if ("shift" in step) {
          for (let i = 0; i < step.shift; i++) expect(queue.shift()).toBe(model.shift());
        } else {
          const place = places[step.remove];
          if (place !== undefined) queue.remove(place);
          model = model.filter(({ n }) => n !== step.remove);
        }
        expect(queue.first).toBe(model[0]);
      }
    }),
  );
});
