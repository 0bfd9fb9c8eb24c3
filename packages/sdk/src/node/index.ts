export { type FileJournal, openFileJournal } from './file-journal.ts'
export { packageFile, type SaveOptions, saveApp } from './files.ts'
