export {}

process.exit(3)
