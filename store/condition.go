package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// A condition comes from outside and is a part of a statement. What keeps it harmless is its language: it may name the
// columns below, write constants, compare, calculate and combine, and nothing else. There are no function calls, no
// subqueries, no casts, no comments and no other names, so it can neither reach other tables nor cause any effect;
// a read-only role would not be as tight, because a function may change the role. It is written out again from what was
// understood of it, and runs read-only under a time limit.

// maxConditionBytes bounds a condition.
const maxConditionBytes = 4096

// conditionColumns are the columns of the view page_status that a condition may name.
var conditionColumns = []string{
	"document_name", "page", "task", "state", "model", "records", "confidence", "seconds", "tokens", "failure_kind", "failure",
	"width", "height", "dpi", "x_height", "rotation", "blank", "member", "format", "document_state", "attempts", "read_at",
	"submitted_at", "document", "run", "corrections",
}

var (
	conditionWords     = []string{"and", "or", "not", "in", "is", "null", "true", "false", "like", "ilike", "between"}
	conditionOperators = []string{"<>", "!=", "<=", ">=", "=", "<", ">", "+", "-", "*", "/", "%", "(", ")", ","}
)

// parseCondition checks a condition and writes it out again, token by token.
func parseCondition(condition string) (string, error) {
	refuse := func(format string, args ...any) (string, error) {
		return "", fmt.Errorf("store: condition: %s: %w", fmt.Sprintf(format, args...), ErrInvalid)
	}
	if len(condition) > maxConditionBytes {
		return refuse("%d bytes, at most %d", len(condition), maxConditionBytes)
	}
	if !utf8.ValidString(condition) || strings.ContainsRune(condition, 0) {
		return refuse("it is not text")
	}
	var out []string
	depth := 0
	for rest := condition; ; {
		if rest = strings.TrimLeft(rest, " \t\r\n"); rest == "" {
			break
		}
		token, err := conditionToken(rest)
		if err != nil {
			return refuse("%v", err)
		}
		rest = rest[len(token):]
		switch {
		case token == "(":
			depth++
		case token == ")":
			if depth--; depth < 0 {
				return refuse("a bracket closes that was not opened")
			}
		case isLetter(token[0]):
			token = strings.ToLower(token)
			switch {
			case slices.Contains(conditionColumns, token):
				token = `"` + token + `"`
			case !slices.Contains(conditionWords, token):
				return refuse("%.40q is neither a column (%s) nor one of %s", token, strings.Join(conditionColumns, ", "), strings.Join(conditionWords, ", "))
			}
		}
		out = append(out, token)
	}
	if depth != 0 {
		return refuse("a bracket is not closed")
	}
	if len(out) == 0 {
		return refuse("it is empty")
	}
	return strings.Join(out, " "), nil
}

// conditionToken is the token that the text begins with.
func conditionToken(s string) (string, error) {
	digits := func(s string) int { return len(s) - len(strings.TrimLeft(s, "0123456789")) }
	switch c := s[0]; {
	case c == '\'':
		for i := 1; i < len(s); i++ {
			if s[i] != '\'' {
				continue
			}
			if i+1 < len(s) && s[i+1] == '\'' {
				i++
				continue
			}
			return s[:i+1], nil
		}
		return "", errors.New("a text has no end: texts stand in '...', a quote in them is written twice")
	case isLetter(c):
		n := 1
		for n < len(s) && (isLetter(s[n]) || s[n] >= '0' && s[n] <= '9') {
			n++
		}
		return s[:n], nil
	case c >= '0' && c <= '9':
		n := digits(s)
		if n+1 < len(s) && s[n] == '.' {
			n += 1 + digits(s[n+1:])
		}
		if n < len(s) && (isLetter(s[n]) || s[n] == '.') {
			return "", fmt.Errorf("%.20q is no number", s)
		}
		return s[:n], nil
	}
	for _, o := range conditionOperators {
		if strings.HasPrefix(s, o) {
			return o, nil
		}
	}
	r, _ := utf8.DecodeRuneInString(s)
	return "", fmt.Errorf("%q is not allowed: columns, numbers, 'texts' and %s are", r, strings.Join(conditionOperators, " "))
}

func isLetter(c byte) bool { return c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' }

// Selection chooses pages by how their tasks went.
type Selection struct {
	Tenant    string       // empty means DefaultTenant
	Documents []DocumentID // none: all
	Tasks     []string     // none: all
	Where     string       // condition over the view page_status; empty: true
	After     Selected     // only behind this one; zero: from the start
	Limit     int          // 0 or more than 1000 means 1000
}

// Selected is the pages of one document and task that were chosen, and the options by which they were read first.
type Selected struct {
	Document DocumentID
	Task     string
	Pages    []int
	Options  map[string]string // of the newest run that is current on any of them
}

// selectTime bounds the statement of a selection.
const selectTime = 20 * time.Second

// Select finds pages of documents that have ended, by document and task, read-only and within a time limit. A condition
// that is wrong, or takes too long, is ErrInvalid.
func (s *Store) Select(ctx context.Context, sel Selection) ([]Selected, error) {
	if sel.Tenant == "" {
		sel.Tenant = DefaultTenant
	}
	if sel.Limit <= 0 || sel.Limit > 1000 {
		sel.Limit = 1000
	}
	where := "true"
	if sel.Where != "" {
		var err error
		if where, err = parseCondition(sel.Where); err != nil {
			return nil, err
		}
	}
	documents := make([]string, len(sel.Documents))
	for i, d := range sel.Documents {
		if _, err := ParseDocumentID(string(d)); err != nil {
			return nil, fmt.Errorf("store: %w", err)
		}
		documents[i] = string(d)
	}
	after := sel.After.Document
	if after == "" {
		after = firstDocument
	}
	query := `select document::text, task, array_agg(page order by page), (array_agg(run order by run desc))[1]
		from public.page_status
		where tenant = $1 and document_state in ('complete', 'partial', 'failed', 'cancelled')
		  and (cardinality($2::uuid[]) = 0 or document = any($2::uuid[])) and (cardinality($3::text[]) = 0 or task = any($3::text[]))
		  and (document, task) > ($4::uuid, $5::text) and (` + where + `)
		group by document, task order by document, task limit $6`
	var out []Selected
	err := pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		out = nil
		set := fmt.Sprintf("set local statement_timeout = %d; set local standard_conforming_strings = on", selectTime.Milliseconds())
		if _, err := tx.Exec(ctx, set); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, query, sel.Tenant, documents, append([]string{}, sel.Tasks...), string(after), sel.After.Task, sel.Limit)
		if err != nil {
			return err
		}
		var newest []int64
		for rows.Next() {
			var one Selected
			var run int64
			if err := rows.Scan(&one.Document, &one.Task, &one.Pages, &run); err != nil {
				return err
			}
			out, newest = append(out, one), append(newest, run)
		}
		if err := rows.Err(); err != nil {
			return err
		}
		return s.optionsOf(ctx, tx, out, newest)
	})
	var pg *pgconn.PgError
	if errors.As(err, &pg) && ctx.Err() == nil {
		switch {
		case pg.Code == queryCancelled:
			return nil, fmt.Errorf("store: condition: it takes longer than %s; name documents as well, or ask for less: %w", selectTime, ErrInvalid)
		case strings.HasPrefix(pg.Code, "22") || strings.HasPrefix(pg.Code, "42"): // data, syntax and types
			return nil, fmt.Errorf("store: condition: %s: %w", pg.Message, ErrInvalid)
		}
	}
	if err != nil {
		return nil, found(err, "pages by condition")
	}
	return out, nil
}

const (
	// firstDocument sorts before every id.
	firstDocument DocumentID = "00000000-0000-0000-0000-000000000000"
	// queryCancelled is the SQLSTATE of a statement that ran into its time limit.
	queryCancelled = "57014"
)

// optionsOf fills in the options of each run.
func (s *Store) optionsOf(ctx context.Context, tx pgx.Tx, selected []Selected, runs []int64) error {
	rows, err := s.q.RunsByID(ctx, tx, runs)
	if err != nil {
		return err
	}
	options := map[int64]map[string]string{}
	for _, r := range rows {
		options[r.ID] = readRun(r).Options
	}
	for i := range selected {
		selected[i].Options = options[runs[i]]
	}
	return nil
}
