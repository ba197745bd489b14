// Package ingest takes one document from stored bytes to committed rows. It is
// the hub between the leaves render, engine, task and store, which do not know
// one another: it turns the pages that render makes into the pages a task
// sees, cuts the views a task asks for, has the model answer, and hands what
// the task makes of the answers to the store.
//
// The story has three parts, each a River worker: IngestWorker opens a
// document and stores its pages in chunks, ReadWorker reads one page for one
// run, FinishWorker says what there is to say about the whole document. Each
// part ends in one transaction of the store, so that a worker that is killed
// at any moment neither loses nor doubles anything: objects are written
// before the commit that names them, and what no commit names is swept later.
//
// ReadPage is the only code path from pixels to records. The workers use it
// and so does the command that reads files without a database.
package ingest
