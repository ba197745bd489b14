package blob

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/minio/minio-go/v7"

	"palimpsest.dev/internal/failpoint"
)

// Published files are copies made by the store itself. S3 has no links; a manifest of signed addresses would expire
// and a file holding a hash would need our program to follow it, while a copy opens in any tool. Only what tasks make
// is copied (hOCR, text: some 100 kB a page); sources and rasters are named by hash in the manifest.

// Entry is one published file.
type Entry struct {
	Path      string `json:"path"` // within the document's folder
	Page      int    `json:"page,omitempty"`
	Task      string `json:"task,omitempty"`
	Name      string `json:"name"`
	MediaType string `json:"media_type"`
	Hash      string `json:"sha256"`
	Bytes     int64  `json:"bytes"`
}

// Manifest lists what was published of a document.
type Manifest struct {
	Document  string  `json:"document"` // id
	Name      string  `json:"name"`     // as submitted
	MediaType string  `json:"media_type"`
	Hash      string  `json:"sha256"` // of the source, which lies under Source
	Source    string  `json:"source"`
	Bytes     int64   `json:"bytes"`
	State     string  `json:"state"`
	Pages     int     `json:"pages"`
	Files     []Entry `json:"files"`
}

// ManifestName is the manifest's file name in the document's folder.
const ManifestName = "manifest.json"

var (
	folderSegment = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,62}$`)
	fileSegment   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,99}(\.[A-Za-z0-9]{1,12}){1,3}$`)
)

// Folder is the readable folder of a document: documents/<name>-<last 8 characters of the id>. The name is cut down to
// letters, digits, dots, dashes and underscores, so that it is safe in every file system and address.
func Folder(name, id string) string {
	var b strings.Builder
	for _, r := range name {
		if b.Len() >= 80 {
			break
		}
		switch {
		case unicode.IsLetter(r) && r != utf8.RuneError, unicode.IsDigit(r), r == '.' || r == '_' || r == '-':
			b.WriteRune(r)
		default:
			b.WriteByte('_')
		}
	}
	clean := strings.Trim(b.String(), "._-")
	if clean == "" {
		clean = "document"
	}
	// The end of an id is its random part; its beginning is the time, which documents of one upload share.
	return "documents/" + clean + "-" + id[max(0, len(id)-8):]
}

// PagePath is where a page's file goes within the document's folder: page-0001/ocr/page.hocr.
func PagePath(page int, task, name string) string {
	return fmt.Sprintf("page-%04d/%s/%s", page, task, name)
}

// DocumentPath is where a file of the whole document goes within its folder: document/ocr/whole.pdf.
func DocumentPath(task, name string) string { return "document/" + task + "/" + name }

// checkPath holds the form that keeps a folder from ever being a file as well: folders have no dot, files have one.
func checkPath(path string) error {
	segments := strings.Split(path, "/")
	for i, seg := range segments {
		form := folderSegment
		if i == len(segments)-1 {
			form = fileSegment
		}
		if !form.MatchString(seg) || len(segments) > 6 {
			return fmt.Errorf("blob: publish: path %.120q: folders are a-z, 0-9, - and _, a file has an extension: %w", path, ErrInvalid)
		}
	}
	return nil
}

func checkFolder(folder string) error {
	name, ok := strings.CutPrefix(folder, "documents/")
	if !ok || name == "" || name == "." || name == ".." || strings.Contains(name, "/") {
		return fmt.Errorf("blob: %.120q is not a document's folder: %w", folder, ErrInvalid)
	}
	return nil
}

// Publish copies an object to a path within a folder made by Folder.
func (s *Store) Publish(ctx context.Context, folder, path, hash string) error {
	if err := checkFolder(folder); err != nil {
		return err
	}
	if err := checkPath(path); err != nil {
		return err
	}
	if !hashForm.MatchString(hash) {
		return fmt.Errorf("blob: publish: %.80q is not a hash: %w", hash, ErrInvalid)
	}
	_, err := s.s3.CopyObject(ctx,
		minio.CopyDestOptions{Bucket: s.bucket, Object: s.prefix + folder + "/" + path},
		minio.CopySrcOptions{Bucket: s.bucket, Object: s.Key(hash)})
	if err != nil {
		return fmt.Errorf("blob: publish %s/%s: %w", folder, path, told(ctx, err))
	}
	return nil
}

// PublishDocument publishes all files of a manifest and then the manifest, so that one that is there is complete.
// Publishing again gives the same.
func (s *Store) PublishDocument(ctx context.Context, m Manifest) error {
	folder := Folder(m.Name, m.Document)
	for _, e := range m.Files {
		if err := s.Publish(ctx, folder, e.Path, e.Hash); err != nil {
			return err
		}
		failpoint.Here(failpoint.FilePublished)
	}
	failpoint.Here(failpoint.FilesPublished)
	if m.Source == "" && hashForm.MatchString(m.Hash) {
		m.Source = s.Key(m.Hash)
	}
	b, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fmt.Errorf("blob: manifest of %s: %w", m.Document, err)
	}
	_, err = s.s3.PutObject(ctx, s.bucket, s.prefix+folder+"/"+ManifestName, bytes.NewReader(b), int64(len(b)),
		minio.PutObjectOptions{ContentType: "application/json", DisableMultipart: true})
	if err != nil {
		return fmt.Errorf("blob: manifest of %s: %w", m.Document, told(ctx, err))
	}
	return nil
}

// Published reads a published file of at most max bytes, as any other S3 tool would.
func (s *Store) Published(ctx context.Context, folder, path string, max int64) ([]byte, error) {
	r, _, _, err := (&minio.Core{Client: s.s3}).GetObject(ctx, s.bucket, s.prefix+folder+"/"+path, minio.GetObjectOptions{})
	if err != nil {
		return nil, fmt.Errorf("blob: published %s/%s: %w", folder, path, told(ctx, err))
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, max+1))
	if err == nil && int64(len(b)) > max {
		err = ErrTooLarge
	}
	if err != nil {
		return nil, fmt.Errorf("blob: published %s/%s: %w", folder, path, told(ctx, err))
	}
	return b, nil
}

// Unpublish removes a document's folder; the objects stay until the sweep.
func (s *Store) Unpublish(ctx context.Context, folder string) error {
	if err := checkFolder(folder); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for info := range s.s3.ListObjects(ctx, s.bucket, minio.ListObjectsOptions{Prefix: s.prefix + folder + "/", Recursive: true}) {
		if info.Err != nil {
			return fmt.Errorf("blob: unpublish %s: %w", folder, told(ctx, info.Err))
		}
		if err := s.s3.RemoveObject(ctx, s.bucket, info.Key, minio.RemoveObjectOptions{}); err != nil {
			return fmt.Errorf("blob: unpublish %s: %w", info.Key, told(ctx, err))
		}
	}
	return nil
}
