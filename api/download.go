package api

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// stallTime is how long a download may stand still before it is given up.
const stallTime = 2 * time.Minute

// Files lists all files made of a document and its pages.
func (c *Client) Files(ctx context.Context, id string) ([]Artifact, error) {
	list, err := get[ArtifactList](ctx, c, "documents/"+url.PathEscape(id)+"/files", nil)
	return list.Files, err
}

// SourceLink is where a document is fetched as it was submitted.
func SourceLink(id string) string { return "/v1/documents/" + url.PathEscape(id) + "/source" }

// Download streams what a link in an answer, such as Artifact.Link, points at.
// Every attempt calls begin for where to write, all from the start.
func (c *Client) Download(ctx context.Context, link string, begin func() (io.Writer, error)) error {
	if !strings.HasPrefix(link, "/") {
		return fmt.Errorf("api: link %.200q does not lead into this server", link)
	}
	return c.retry(ctx, func() error {
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		stalled := time.AfterFunc(stallTime, func() {
			cancel(fmt.Errorf("api: %s: nothing came for %v", link, stallTime))
		})
		defer stalled.Stop()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(c.BaseURL, "/")+link, nil)
		if err != nil {
			return err
		}
		resp, err := c.http().Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode >= 400 {
			raw, _ := io.ReadAll(io.LimitReader(resp.Body, maxEventBytes))
			return decodeProblem(resp.StatusCode, resp.Status, raw)
		}
		w, err := begin()
		if err != nil {
			return err
		}
		body := &watched{r: resp.Body, stalled: stalled}
		_, err = io.Copy(w, body)
		if body.err != nil && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if body.err != nil {
			// A connection that breaks in the middle is worth another try.
			return &url.Error{Op: "Get", URL: link, Err: err}
		}
		return err // of the writer: no other attempt would do better
	})
}

// watched puts off the end of a download as long as something comes.
type watched struct {
	r       io.Reader
	stalled *time.Timer
	err     error // of r, but its end
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	w.stalled.Reset(stallTime)
	if err != io.EOF {
		w.err = err
	}
	return n, err
}
