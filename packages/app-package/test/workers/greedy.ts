export {}

const hoard: number[][] = []
for (;;) hoard.push(Array.from({ length: 10_000 }, (_, index) => index + hoard.length))
