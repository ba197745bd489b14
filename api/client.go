package api

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Limits of what the client takes from a server.
const (
	maxAnswerBytes = 256 << 20
	maxEventBytes  = 1 << 20
)

// Client talks to one server. Every call takes a context and gives up when it ends.
// Calls that may safely be repeated are, when the server cannot be reached or says that
// it is not available: reading always, submitting because every submission carries an
// idempotency key, cancelling because it does nothing the second time. The zero values
// of the fields are sensible; only BaseURL is needed.
type Client struct {
	BaseURL string        // such as http://127.0.0.1:8080
	HTTP    *http.Client  // nil means one without a time limit over a whole answer
	Retries int           // further attempts; 0 means 4, negative means none
	Delay   time.Duration // before the first retry, doubled for each next; 0 means 200 ms
}

// Submission is a document to be read.
type Submission struct {
	Name     string                        // file name
	Open     func() (io.ReadCloser, error) // the content; called once per attempt
	Tasks    []string                      // nil means the server's default
	Options  map[string]string             // each goes to the tasks that know it
	Password string                        // of an encrypted document
	// IdempotencyKey makes the same submission, sent twice, one document. Empty means a
	// new random key for this call.
	IdempotencyKey string
}

// Submit uploads a document. The content is streamed. It returns as soon as the server
// has stored the bytes and queued the work.
func (c *Client) Submit(ctx context.Context, s Submission) (Document, error) {
	key := cmp.Or(s.IdempotencyKey, rand.Text())
	var doc Document
	err := c.retry(ctx, func() error {
		content, err := s.Open()
		if err != nil {
			return err
		}
		defer content.Close()
		body, contentType, ended := s.encode(content)
		defer func() {
			// The server may have answered early. Nobody reads the content after this
			// returns, unless its reader hangs and the caller has given up.
			body.Close()
			select {
			case <-ended:
			case <-ctx.Done():
			}
		}()
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url("documents"), body)
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", contentType)
		req.Header.Set("Idempotency-Key", key)
		return c.do(req, &doc)
	})
	return doc, err
}

// encode streams the submission as a multipart form; ended is closed when the content is
// not read any more.
func (s Submission) encode(content io.Reader) (body *io.PipeReader, contentType string, ended <-chan struct{}) {
	body, w := io.Pipe()
	done := make(chan struct{})
	form := multipart.NewWriter(w)
	write := func() error {
		for _, t := range s.Tasks {
			if err := form.WriteField("task", t); err != nil {
				return err
			}
		}
		for k, v := range s.Options {
			if err := form.WriteField("option", k+"="+v); err != nil {
				return err
			}
		}
		if s.Password != "" {
			if err := form.WriteField("password", s.Password); err != nil {
				return err
			}
		}
		part, err := form.CreateFormFile("file", s.Name)
		if err != nil {
			return err
		}
		if _, err := io.Copy(part, content); err != nil {
			return err
		}
		return form.Close()
	}
	go func() {
		defer close(done)
		w.CloseWithError(write())
	}()
	return body, form.FormDataContentType(), done
}

// Document tells where a document stands.
func (c *Client) Document(ctx context.Context, id string) (Document, error) {
	return get[Document](ctx, c, "documents/"+url.PathEscape(id), nil)
}

// Documents lists documents, newest first; after is Next of the page before.
func (c *Client) Documents(ctx context.Context, after string, limit int) (DocumentList, error) {
	return get[DocumentList](ctx, c, "documents", pageQuery(after, limit))
}

// Pages lists the pages of a document.
func (c *Client) Pages(ctx context.Context, id, after string, limit int) (PageList, error) {
	return get[PageList](ctx, c, "documents/"+url.PathEscape(id)+"/pages", pageQuery(after, limit))
}

// Page tells about one page.
func (c *Client) Page(ctx context.Context, id string, number int) (Page, error) {
	return get[Page](ctx, c, fmt.Sprintf("documents/%s/pages/%d", url.PathEscape(id), number), nil)
}

// PageImage fetches the upright page as PNG; a positive width asks for a smaller one.
func (c *Client) PageImage(ctx context.Context, id string, number, width int) ([]byte, error) {
	q := url.Values{}
	if width > 0 {
		q.Set("w", strconv.Itoa(width))
	}
	return c.Fetch(ctx, fmt.Sprintf("/v1/documents/%s/pages/%d/image?%s", url.PathEscape(id), number, q.Encode()))
}

// Fetch reads what a link in an answer, such as Artifact.Link, points at.
func (c *Client) Fetch(ctx context.Context, link string) ([]byte, error) {
	var raw []byte
	err := c.retry(ctx, func() error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(c.BaseURL, "/")+link, nil)
		if err != nil {
			return err
		}
		return c.do(req, &raw)
	})
	return raw, err
}

// ResultQuery chooses results. Zero fields mean all.
type ResultQuery struct {
	Relation string // such as word
	Page     int
	After    string // Next of the answer before
	Limit    int
}

// Results reads the records of one task, in order of page and reading.
func (c *Client) Results(ctx context.Context, id, task string, o ResultQuery) (RecordList, error) {
	q := pageQuery(o.After, o.Limit)
	if o.Relation != "" {
		q.Set("relation", o.Relation)
	}
	if o.Page > 0 {
		q.Set("page", strconv.Itoa(o.Page))
	}
	return get[RecordList](ctx, c, "documents/"+url.PathEscape(id)+"/results/"+url.PathEscape(task), q)
}

// AllResults calls each with every record of a query, however many answers it takes.
func (c *Client) AllResults(ctx context.Context, id, task string, o ResultQuery, each func(Record) error) error {
	for {
		list, err := c.Results(ctx, id, task, o)
		if err != nil {
			return err
		}
		for _, r := range list.Records {
			if err := each(r); err != nil {
				return err
			}
		}
		if list.Next == "" {
			return nil
		}
		if list.Next == o.After {
			return fmt.Errorf("api: results of %s do not go on after %q", id, list.Next)
		}
		o.After = list.Next
	}
}

// Cancel ends the work on a document. Cancelling what has ended is a Problem with
// CodeFinal.
func (c *Client) Cancel(ctx context.Context, id string) (Document, error) {
	var doc Document
	err := c.retry(ctx, func() error {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url("documents/"+url.PathEscape(id)+"/cancel"), nil)
		if err != nil {
			return err
		}
		return c.do(req, &doc)
	})
	return doc, err
}

// Tasks lists what the server can do.
func (c *Client) Tasks(ctx context.Context) (TaskList, error) {
	return get[TaskList](ctx, c, "tasks", nil)
}

// Ready says whether the server and all it stands on answer. It is not retried.
func (c *Client) Ready(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(c.BaseURL, "/")+"/readyz", nil)
	if err != nil {
		return err
	}
	return c.do(req, &Health{})
}

func pageQuery(after string, limit int) url.Values {
	q := url.Values{}
	if after != "" {
		q.Set("after", after)
	}
	if limit > 0 {
		q.Set("limit", strconv.Itoa(limit))
	}
	return q
}

func get[T any](ctx context.Context, c *Client, path string, q url.Values) (T, error) {
	var answer T
	err := c.retry(ctx, func() error {
		u := c.url(path)
		if len(q) > 0 {
			u += "?" + q.Encode()
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, u, nil)
		if err != nil {
			return err
		}
		return c.do(req, &answer)
	})
	return answer, err
}

func (c *Client) url(path string) string {
	return strings.TrimSuffix(c.BaseURL, "/") + "/v1/" + path
}

func (c *Client) http() *http.Client {
	if c.HTTP != nil {
		return c.HTTP
	}
	return http.DefaultClient
}

// do sends a request and decodes the answer: into *[]byte as it is, into anything else
// as JSON. An answer with an error status is a *Problem.
func (c *Client) do(req *http.Request, answer any) error {
	req.Header.Set("Accept", "application/json, application/problem+json, */*;q=0.5")
	resp, err := c.http().Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswerBytes+1))
	if err != nil {
		return err
	}
	if resp.StatusCode >= 400 {
		return decodeProblem(resp.StatusCode, resp.Status, raw)
	}
	if len(raw) > maxAnswerBytes {
		return fmt.Errorf("api: the answer of %s is longer than the limit of %d bytes", req.URL.Path, maxAnswerBytes)
	}
	if b, ok := answer.(*[]byte); ok {
		*b = raw
		return nil
	}
	if err := json.NewDecoder(bytes.NewReader(raw)).Decode(answer); err != nil {
		return fmt.Errorf("api: answer of %s: %w", req.URL.Path, err)
	}
	return nil
}

// retry repeats what failed for reasons that may pass.
func (c *Client) retry(ctx context.Context, attempt func() error) error {
	retries := cmp.Or(c.Retries, 4)
	delay := cmp.Or(c.Delay, 200*time.Millisecond)
	for {
		err := attempt()
		if err == nil || retries <= 0 || !passing(err) || ctx.Err() != nil {
			return err
		}
		retries--
		select {
		case <-ctx.Done():
			return err
		case <-time.After(delay):
		}
		delay *= 2
	}
}

// passing says whether trying again may help: the server could not be reached, or said
// that it is not available for now.
func passing(err error) bool {
	var p *Problem
	if errors.As(err, &p) {
		return p.Status == http.StatusServiceUnavailable || p.Status == http.StatusBadGateway || p.Status == http.StatusTooManyRequests
	}
	var u *url.Error
	return errors.As(err, &u) && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
}
