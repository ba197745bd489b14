package api

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"
)

// NewSource asks for a folder or bucket to be scanned on a schedule.
type NewSource struct {
	Name        string            `json:"name,omitempty" maxLength:"63" doc:"a-z, 0-9, dot, dash, underscore. Made from the location unless given."`
	Location    string            `json:"location" maxLength:"4096" doc:"s3://bucket/prefix, or the absolute path of a folder of the server that its operator allows."`
	Credentials string            `json:"credentials,omitempty" maxLength:"63" doc:"Name under which the operator keeps an S3 server's address and keys. Empty: the server's own."`
	Cron        string            `json:"cron" maxLength:"256" doc:"Five fields in UTC: minute, hour, day of month, month, day of week." example:"0 2 * * *"`
	Tasks       []string          `json:"tasks,omitempty" maxItems:"32" doc:"The server's default unless given."`
	Options     map[string]string `json:"options,omitempty" doc:"Each goes to the tasks that know it."`
	Include     []string          `json:"include,omitempty" maxItems:"64" doc:"Patterns like *.tif or 1890/**/*.pdf of the files that are taken; none: all but sidecar files (.xml, .txt, .md5 ...)."`
	Exclude     []string          `json:"exclude,omitempty" maxItems:"64" doc:"Patterns of files that are left alone, whatever include says."`
}

// Source is a folder or bucket that is scanned on a schedule.
type Source struct {
	NewSource
	Paused   bool           `json:"paused"`
	Next     time.Time      `json:"next,omitzero" doc:"When the schedule wants the next scan; absent while paused."`
	Created  time.Time      `json:"created"`
	Objects  int64          `json:"objects" doc:"There at the last look."`
	Failing  int64          `json:"failing" doc:"Of these, how many could not be taken."`
	Open     *Scan          `json:"open,omitempty" doc:"The scan that waits or is under way."`
	Last     *Scan          `json:"last,omitempty" doc:"The newest scan that has ended."`
	Failures []SourceObject `json:"failures,omitempty" doc:"Some objects that could not be taken. Lists of sources leave them out."`
}

// Scan is one pass through a source. Seen is the sum of new, changed, duplicate, unchanged, skipped and failed.
type Scan struct {
	ID        int64     `json:"id"`
	State     string    `json:"state" enum:"queued,running,complete,partial,failed" doc:"partial: some objects failed, the others are in."`
	Reason    string    `json:"reason" enum:"schedule,request"`
	Seen      int64     `json:"seen"`
	New       int64     `json:"new" doc:"Became documents."`
	Changed   int64     `json:"changed" doc:"Known with another content; became documents."`
	Duplicate int64     `json:"duplicate" doc:"Content read before for the same tasks, under another name or by another source."`
	Unchanged int64     `json:"unchanged"`
	Skipped   int64     `json:"skipped" doc:"Hidden, temporary, not regular, sidecars, left out by a pattern, or still being written."`
	Failed    int64     `json:"failed"`
	Gone      int64     `json:"gone" doc:"Known before and missing now; their documents stay."`
	Bytes     int64     `json:"bytes" doc:"Fetched."`
	Seconds   float64   `json:"seconds" doc:"At work."`
	Failure   *Failure  `json:"failure,omitempty" doc:"Why the scan as a whole failed."`
	Queued    time.Time `json:"queued"`
	Started   time.Time `json:"started,omitzero"`
	Finished  time.Time `json:"finished,omitzero"`
}

// Final says whether the scan has come to its end.
func (s Scan) Final() bool { return !s.Finished.IsZero() }

// SourceObject is an object that could not be taken.
type SourceObject struct {
	Key     string   `json:"key" doc:"Name in the bucket, or path below the folder."`
	Bytes   int64    `json:"bytes"`
	Failure *Failure `json:"failure"`
}

// SourceList is every source of a server.
type SourceList struct {
	Sources []Source `json:"sources"`
}

// AddSource adds a source. Adding is not repeated when the connection breaks: the name would be taken.
func (c *Client) AddSource(ctx context.Context, n NewSource) (Source, error) {
	var src Source
	body, err := json.Marshal(n)
	if err != nil {
		return src, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url("sources"), bytes.NewReader(body))
	if err != nil {
		return src, err
	}
	req.Header.Set("Content-Type", "application/json")
	return src, c.do(req, &src)
}

// Sources lists the sources by name.
func (c *Client) Sources(ctx context.Context) (SourceList, error) {
	return get[SourceList](ctx, c, "sources", nil)
}

// Source tells about one source and objects of it that could not be taken.
func (c *Client) Source(ctx context.Context, name string) (Source, error) {
	return get[Source](ctx, c, "sources/"+url.PathEscape(name), nil)
}

// ScanSource asks for a scan, or finds the one that is not finished.
func (c *Client) ScanSource(ctx context.Context, name string) (Source, error) {
	return c.changeSource(ctx, http.MethodPost, name, "/scan")
}

// PauseSource stops a source's schedule.
func (c *Client) PauseSource(ctx context.Context, name string) (Source, error) {
	return c.changeSource(ctx, http.MethodPost, name, "/pause")
}

// ResumeSource lets a source's schedule go on from now.
func (c *Client) ResumeSource(ctx context.Context, name string) (Source, error) {
	return c.changeSource(ctx, http.MethodPost, name, "/resume")
}

// RemoveSource forgets a source; its documents stay.
func (c *Client) RemoveSource(ctx context.Context, name string) (Source, error) {
	return c.changeSource(ctx, http.MethodDelete, name, "")
}

// changeSource sends a request without a body that does nothing the second time.
func (c *Client) changeSource(ctx context.Context, method, name, what string) (Source, error) {
	var src Source
	err := c.retry(ctx, func() error {
		req, err := http.NewRequestWithContext(ctx, method, c.url("sources/"+url.PathEscape(name)+what), nil)
		if err != nil {
			return err
		}
		return c.do(req, &src)
	})
	return src, err
}
