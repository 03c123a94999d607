/** Loaded before a program runs in lockstep, it makes lockstep translate as `auto` does: what samples have paid for, with many more samples. */
import { EAGERNESS } from "@guise/translator/run";

Object.assign(EAGERNESS.lockstep, {
  ...EAGERNESS.auto,
  ...{ lockstep: true, misses: 0, patience: 0, certain: 0, slice: 300, calls: 20, exits: 20 },
});
