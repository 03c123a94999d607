/** Kinds of lazy flags: compare + log2(bytes), add + log2(bytes); result: a = result, b = CF|AF|OF bits; image: a = rflags bits. */
export const KIND = { compare: 0, add: 4, result: 8, image: 9 } as const;
