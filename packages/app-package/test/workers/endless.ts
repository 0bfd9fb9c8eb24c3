export {}

for (;;) Math.sqrt(2)
