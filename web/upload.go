package web

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"palimpsest.dev/api"
	"palimpsest.dev/internal/failpoint"
	"palimpsest.dev/store"
	"palimpsest.dev/store/blob"
)

// Limits of an upload besides the file's own.
const (
	maxParts      = 128
	maxFieldBytes = 4 << 10
	// envelopeBytes is what the form may add around a file of the largest size.
	envelopeBytes = 1 << 20
	// stallTime is how long an upload may stand still.
	stallTime = 60 * time.Second
)

type submitInput struct {
	Key string `header:"Idempotency-Key" maxLength:"255" doc:"The same key with the same request, sent again, is one document."`
	req *http.Request
	out http.ResponseWriter
}

// Resolve keeps the request, because the body is read as a stream and not by huma.
func (in *submitInput) Resolve(ctx huma.Context) []error {
	in.req, in.out = humago.Unwrap(ctx)
	return nil
}

type submitOutput struct {
	Location string `header:"Location"`
	Replayed string `header:"Idempotency-Replayed" doc:"true when the key was used before and this is that document."`
	Body     api.Document
}

// describeUpload documents the operation.
func describeUpload(o *huma.Operation) {
	o.DefaultStatus = http.StatusAccepted
	o.Description = "The file is streamed to the store and queued; reading it goes on afterwards. Location tells where to ask."
}

// uploadBody documents the form that submit reads by itself. It is added after the
// operation is registered, because huma would read a body that it knows of.
func uploadBody() *huma.RequestBody {
	text := &huma.Schema{Type: huma.TypeString}
	return &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"multipart/form-data": {Schema: &huma.Schema{
		Type: huma.TypeObject, Required: []string{"file"}, Properties: map[string]*huma.Schema{
			"file":     {Type: huma.TypeString, Format: "binary", Description: "The document: PDF, JPEG, PNG, WebP, GIF, TIFF, or a zip of these."},
			"task":     {Type: huma.TypeArray, Items: text, Description: "Tasks to do; repeated or separated by commas."},
			"option":   {Type: huma.TypeArray, Items: text, Description: "name=value; repeated. Each goes to the tasks that know it."},
			"password": {Type: huma.TypeString, Description: "Of an encrypted document."},
		},
	}}}}
}

// form is what an upload says besides its bytes.
type form struct {
	object   blob.Object
	name     string
	tasks    []string
	options  map[string]string
	password string
}

// submit stores the bytes, then queues the work in one transaction. Bytes that no
// transaction names, because something failed in between, are swept later.
func (s *server) submit(ctx context.Context, in *submitInput) (*submitOutput, error) {
	f, err := s.readForm(ctx, in)
	if err != nil {
		return nil, s.problemOf(ctx, err)
	}
	if len(f.tasks) == 0 {
		f.tasks = s.DefaultTasks
	}
	runs, err := s.Tasks.Runs(ctx, f.tasks, f.options)
	if err != nil {
		return nil, s.problemOf(ctx, err)
	}
	failpoint.Here(failpoint.UploadStored)
	doc, created, err := s.Documents.Submit(ctx, store.NewDocument{
		Tenant: tenant, Name: f.name, Hash: f.object.Hash, Bytes: f.object.Bytes,
		IdempotencyKey: in.Key, Password: f.password, Runs: runs,
	})
	if err != nil {
		return nil, s.problemOf(ctx, err)
	}
	failpoint.Here(failpoint.Submitted)
	out := &submitOutput{Location: "/v1/documents/" + string(doc.ID), Body: documentOf(doc, nil)}
	if !created {
		out.Replayed = "true"
	}
	return out, nil
}

// readForm reads the parts in the order they come.
func (s *server) readForm(ctx context.Context, in *submitInput) (form, error) {
	f := form{options: map[string]string{}}
	if in.req.ContentLength > s.MaxUploadBytes+envelopeBytes {
		return f, s.tooLarge()
	}
	// A server's limit on reading a whole request would end long uploads: the limit here
	// is on standing still.
	in.req.Body = &patientBody{ReadCloser: in.req.Body, control: http.NewResponseController(in.out)}
	parts, err := in.req.MultipartReader()
	if err != nil {
		return f, problem(http.StatusUnsupportedMediaType, api.CodeUnsupported, "send multipart/form-data with a part named file", "%v", err)
	}
	for n := 1; ; n++ {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return f, broken(err)
		}
		if n > maxParts {
			return f, problem(http.StatusRequestEntityTooLarge, api.CodeTooLarge, "", "the form has more than %d parts", maxParts)
		}
		if part.FormName() == "file" {
			err = s.readFile(ctx, part, &f)
		} else {
			err = readField(part, &f)
		}
		if err != nil {
			return f, err
		}
	}
	if f.object.Hash == "" {
		return f, problem(http.StatusBadRequest, api.CodeBadInput, "name the part that holds the document file", "the form has no file")
	}
	return f, nil
}

func (s *server) readFile(ctx context.Context, part *multipart.Part, f *form) error {
	if f.object.Hash != "" {
		return problem(http.StatusBadRequest, api.CodeBadInput, "submit each file by itself, or all in one zip", "the form has more than one file")
	}
	// Browsers on Windows may send a path; a name is what comes last.
	f.name = path.Base(strings.ReplaceAll(part.FileName(), `\`, "/"))
	if f.name == "." || f.name == "/" || f.name == "" {
		return problem(http.StatusBadRequest, api.CodeBadInput, "give the part a filename", "the file has no name")
	}
	body := &watched{r: part}
	o, err := s.Objects.Put(ctx, body, blob.PutOptions{MaxBytes: s.MaxUploadBytes, MediaType: "application/octet-stream"})
	s.metrics.uploaded(body.n)
	switch {
	case errors.Is(err, blob.ErrTooLarge):
		return s.tooLarge()
	case body.err != nil:
		return broken(body.err)
	case err != nil:
		return fmt.Errorf("storing %q: %w", f.name, err)
	case o.Bytes == 0:
		return problem(http.StatusBadRequest, api.CodeBadInput, "", "%s is empty", f.name)
	}
	f.object = o
	return nil
}

func readField(part *multipart.Part, f *form) error {
	raw, err := io.ReadAll(io.LimitReader(part, maxFieldBytes+1))
	if err != nil {
		return broken(err)
	}
	if len(raw) > maxFieldBytes {
		return problem(http.StatusRequestEntityTooLarge, api.CodeTooLarge, "", "field %.40q is longer than %d bytes", part.FormName(), maxFieldBytes)
	}
	value := string(raw)
	switch part.FormName() {
	case "task":
		for t := range strings.SplitSeq(value, ",") {
			if t = strings.TrimSpace(t); t != "" {
				f.tasks = append(f.tasks, t)
			}
		}
	case "option":
		name, v, ok := strings.Cut(value, "=")
		if !ok || name == "" {
			return problem(http.StatusBadRequest, api.CodeBadInput, "write options as name=value", "option %.80q has no value", value)
		}
		f.options[name] = v
	case "password":
		f.password = value
	default:
		return problem(http.StatusBadRequest, api.CodeBadInput, "the form knows file, task, option and password", "unknown field %.40q", part.FormName())
	}
	return nil
}

func (s *server) tooLarge() *api.Problem {
	p := problem(http.StatusRequestEntityTooLarge, api.CodeTooLarge, "split the document, or raise the limit when starting the server",
		"the file is larger than the limit of %d bytes", s.MaxUploadBytes)
	p.Limit = "upload bytes"
	return p
}

// broken says that the request's body ended badly.
func broken(err error) *api.Problem {
	return problem(http.StatusBadRequest, api.CodeBadInput, "send the upload again", "the upload broke off or is malformed: %v", err)
}

// watched counts what is read and remembers whether reading failed, to tell the
// sender's faults from the store's.
type watched struct {
	r   io.Reader
	n   int64
	err error
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	w.n += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		w.err = err
	}
	return n, err
}

// patientBody gives every read its own time.
type patientBody struct {
	io.ReadCloser
	control *http.ResponseController
}

func (b *patientBody) Read(p []byte) (int, error) {
	// Where the connection cannot have deadlines, as in tests, there are none.
	_ = b.control.SetReadDeadline(time.Now().Add(stallTime))
	return b.ReadCloser.Read(p)
}
