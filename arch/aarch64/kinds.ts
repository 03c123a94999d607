/**
 * Kinds of lazy flags, bit 0: 64 bits (compare, add). compare: of a - b; add: of a + b; operands sign-extended to 64 bits. logic: a is a
 * sign-extended result, b is 0, C and V are clear; image: a is nzcv, at its bits in PSTATE; float: of a comparison
 * of two doubles.
 */
export const KIND = { compare: 0, logic: 2, add: 4, image: 6, float: 7 } as const;
