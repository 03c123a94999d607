/**
 * Kinds of lazy flags, bit 0: 64 bits. compare: of a - b; add: of a + b; operands sign-extended to 64 bits. logic: a is a
 * sign-extended result, C and V are 0; image: a is nzcv, at its bits in PSTATE; float: of a comparison
 * of two doubles.
 */
export const KIND = { compare: 0, add: 2, logic: 4, image: 5, float: 6 } as const;
