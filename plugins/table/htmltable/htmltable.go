// Package htmltable is what a table is between a model's answer and its rows:
// a reader of the HTML that models and truths write tables in, the grid that
// the cells make with their spans, and the writers of HTML, CSV and JSON.
//
// Reading has two stages. Parse makes a tree of any text, the tree that
// libxml2 makes, because the table metrics of package eval are defined over
// it. Read makes tables of the tree: it places cells, shortens spans that run
// into one another, leaves places that no cell covers empty and counts both,
// so that nobody downstream meets a grid that does not fit together. No cell
// is made up. ReadAnswer does the same for a model's answer, in which four
// location tokens stand before a table and at the beginning of a cell; the form
// is fixed in docs/targets.md.
package htmltable
