package api

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Events follows a document: each is called with every change until the document has
// ended (nil), the connection breaks, each returns an error, or ctx ends. The first
// event tells the document's state at that moment, so that nothing is missed between
// asking for the document and following it.
func (c *Client) Events(ctx context.Context, id string, each func(Event) error) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url("documents/"+url.PathEscape(id)+"/events"), nil)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "text/event-stream")
	resp, err := c.http().Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 400 {
		raw, err := io.ReadAll(io.LimitReader(resp.Body, maxEventBytes))
		if err != nil {
			return err
		}
		return decodeProblem(resp.StatusCode, resp.Status, raw)
	}
	return readEvents(resp.Body, each)
}

// errEnded is how the stream's last event ends the reading.
var errEnded = errors.New("the document has ended")

// readEvents parses server-sent events (WHATWG HTML, section 9.2.6) as far as they are
// used here: data lines joined until an empty line, comments skipped. An event named
// "end" closes the stream in good order.
func readEvents(r io.Reader, each func(Event) error) error {
	sc := bufio.NewScanner(r)
	sc.Buffer(make([]byte, 4096), maxEventBytes)
	name, data := "", ""
	dispatch := func() error {
		defer func() { name, data = "", "" }()
		if name == "end" {
			return errEnded
		}
		if data == "" {
			return nil
		}
		var e Event
		if err := json.Unmarshal([]byte(data), &e); err != nil {
			return fmt.Errorf("api: event %.80q: %w", data, err)
		}
		return each(e)
	}
	for sc.Scan() {
		line := sc.Text()
		field, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case line == "":
			if err := dispatch(); errors.Is(err, errEnded) {
				return nil
			} else if err != nil {
				return err
			}
		case field == "event":
			name = value
		case field == "data" && len(data)+len(value) <= maxEventBytes:
			data += value
		}
	}
	if err := sc.Err(); err != nil {
		return err
	}
	return io.ErrUnexpectedEOF
}

// Wait follows a document to its end and returns it as it is then. A connection that
// breaks is taken up again, so that waiting survives a restart of the server. each may
// be nil.
func (c *Client) Wait(ctx context.Context, id string, each func(Event) error) (Document, error) {
	// An error of each must end the waiting; all others may be the connection's.
	var stopped error
	for {
		doc, err := c.Document(ctx, id)
		if err != nil || doc.Final() {
			return doc, err
		}
		err = c.Events(ctx, id, func(e Event) error {
			if each != nil {
				stopped = each(e)
			}
			return stopped
		})
		var p *Problem
		switch {
		case stopped != nil:
			return doc, stopped
		case ctx.Err() != nil:
			return doc, ctx.Err()
		case errors.As(err, &p) && !passing(err):
			return doc, err
		case err != nil:
			select {
			case <-ctx.Done():
				return doc, ctx.Err()
			case <-time.After(c.pause()):
			}
		}
	}
}

func (c *Client) pause() time.Duration {
	if c.Delay > 0 {
		return c.Delay
	}
	return time.Second
}
