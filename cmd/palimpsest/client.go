package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"palimpsest.dev/api"
)

// clientFlags say which server the client commands talk to.
type clientFlags struct {
	Server string `help:"Address of the server." env:"PALIMPSEST_SERVER" default:"http://127.0.0.1:8080" placeholder:"URL"`
	JSON   bool   `help:"Print JSON, one object per line."`
}

// client makes the client of the server.
func (f clientFlags) client() (*api.Client, error) {
	u, err := url.Parse(f.Server)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, usagef("server address %q is not like http://127.0.0.1:8080", f.Server)
	}
	return &api.Client{BaseURL: strings.TrimSuffix(f.Server, "/")}, nil
}

// reached adds to an error of a client what to do when nobody answers.
func (f clientFlags) reached(err error) error {
	var network *url.Error
	if errors.As(err, &network) && !network.Timeout() && network.Unwrap() != nil {
		var problem *api.Problem
		if !errors.As(err, &problem) {
			return fmt.Errorf("no server at %s: %w; start one with `palimpsest up` or name another with --server", f.Server, network.Err)
		}
	}
	return err
}

// printDocument prints the state of a document for a person or a program.
func (f clientFlags) printDocument(w io.Writer, d api.Document) error {
	if f.JSON {
		return json.NewEncoder(w).Encode(d)
	}
	fmt.Fprintf(w, "%s  %-10s  %s  %s\n", d.ID, d.State, progressOf(d), d.Name)
	if d.Failure != nil {
		fmt.Fprintf(w, "  %s: %s\n", d.Failure.Kind, d.Failure.Message)
		if d.Failure.Hint != "" {
			fmt.Fprintf(w, "  %s\n", d.Failure.Hint)
		}
	}
	return nil
}

// progressOf says in a few words how far a document is. Several tasks read a page each for itself.
func progressOf(d api.Document) string {
	p := d.Progress
	ended := p.Total - p.Open
	if len(p.States) > 0 {
		ended = p.Finished()
	}
	s := fmt.Sprintf("%d/%d pages", ended, max(p.Total, ended))
	if len(d.Runs) > 1 {
		s = fmt.Sprintf("%d pages, %d/%d readings", d.Pages, ended, max(p.Total, ended))
		if d.Pages == 1 {
			s = strings.Replace(s, "pages", "page", 1)
		}
	}
	for _, state := range []string{"blank", "unreadable", "failed", "cancelled"} {
		if n := p.States[state]; n > 0 {
			s += fmt.Sprintf(", %d %s", n, state)
		}
	}
	return s
}
