package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"palimpsest.dev/api"
)

// submitCmd hands files to a running server.
type submitCmd struct {
	clientFlags
	Files    []string          `arg:"" name:"file" help:"Documents to submit."`
	Task     []string          `help:"Tasks, comma-separated. Empty: the server's default."`
	Option   map[string]string `help:"Option of a task; may be repeated." placeholder:"NAME=VALUE" mapsep:"none"`
	Password string            `help:"Password of encrypted documents." env:"PALIMPSEST_PASSWORD"`
	Key      string            `help:"Idempotency key: the same key and file give one document. Only with one file."`
	Wait     bool              `short:"w" help:"Wait for the end and show progress; fail when a document is not complete."`
}

// Run submits the files.
func (c *submitCmd) Run(s *session) error {
	if c.Key != "" && len(c.Files) > 1 {
		return usagef("--key goes with one file: %d were named", len(c.Files))
	}
	client, err := c.client()
	if err != nil {
		return err
	}
	var documents []api.Document
	for _, file := range c.Files {
		d, err := client.Submit(s, c.submission(file))
		if err != nil {
			return fmt.Errorf("submitting %s: %w", file, c.reached(err))
		}
		documents = append(documents, d)
		if !c.Wait {
			if err := c.printDocument(s.stdout, d); err != nil {
				return err
			}
		}
	}
	if !c.Wait {
		return nil
	}
	return c.wait(s, client, documents)
}

func (c *submitCmd) submission(file string) api.Submission {
	return api.Submission{Name: filepath.Base(file), Tasks: c.Task, Options: c.Option, Password: c.Password, IdempotencyKey: c.Key,
		Open: func() (io.ReadCloser, error) { return os.Open(file) }}
}

// wait waits for the documents in turn: the server works on all of them.
func (c *submitCmd) wait(s *session, client *api.Client, documents []api.Document) error {
	failed := false
	for _, d := range documents {
		end, err := waitWithProgress(s, client, d, s.stderr)
		if err != nil {
			return c.reached(err)
		}
		if err := c.printDocument(s.stdout, end); err != nil {
			return err
		}
		failed = failed || end.State != "complete"
	}
	if failed {
		return errReported
	}
	return nil
}

// waitWithProgress waits for a document's end and says which pages end on the
// way.
func waitWithProgress(ctx context.Context, client *api.Client, d api.Document, status io.Writer) (api.Document, error) {
	return client.Wait(ctx, d.ID, func(e api.Event) error {
		switch {
		case e.Page == 0 && e.State != "":
			fmt.Fprintf(status, "%s: %s\n", d.Name, e.State)
		case e.State == "done" || e.State == "blank" || e.State == "unreadable" || e.State == "failed":
			fmt.Fprintf(status, "%s: page %d %s %s\n", d.Name, e.Page, e.Task, e.State)
		}
		return nil
	})
}
