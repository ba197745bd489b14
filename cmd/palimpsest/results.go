package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"

	"palimpsest.dev/api"
)

// resultsCmd prints the rows a task has read in a document.
type resultsCmd struct {
	clientFlags
	ID       string `arg:"" name:"id" help:"The document."`
	Task     string `help:"The task." default:"ocr"`
	Relation string `help:"The relation, such as word or line." default:"word"`
	Page     int    `help:"One page only."`
}

// Run prints the rows in reading order.
func (c *resultsCmd) Run(s *session) error {
	client, err := c.client()
	if err != nil {
		return err
	}
	out := bufio.NewWriter(s.stdout)
	if !c.JSON {
		printRowHeader(out)
	}
	encoder := json.NewEncoder(out)
	err = client.AllResults(s, c.ID, c.Task, api.ResultQuery{Relation: c.Relation, Page: c.Page}, func(r api.Record) error {
		if c.JSON {
			return encoder.Encode(r)
		}
		return printRow(out, r)
	})
	if err != nil {
		return c.reached(err)
	}
	return out.Flush()
}

func printRowHeader(w io.Writer) {
	fmt.Fprintf(w, "%-5s %-28s %7s %7s %7s %7s  %-5s %-10s %s\n", "page", "word", "x0", "y0", "x1", "y1", "conf", "source", "model")
}

// printRow prints one record as a line of a table.
func printRow(w io.Writer, r api.Record) error {
	confidence := "-"
	if r.Confidence != nil {
		confidence = fmt.Sprintf("%.2f", *r.Confidence)
	}
	_, err := fmt.Fprintf(w, "%-5d %-28s %7.1f %7.1f %7.1f %7.1f  %-5s %-10s %s\n",
		r.Page, r.Text(), r.Box[0], r.Box[1], r.Box[2], r.Box[3], confidence, r.Source, r.Model)
	return err
}
