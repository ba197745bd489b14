package palimpsest

// imports says which of our own packages each package may import. The leaves render, engine, task and
// store never import one another; ingest joins them; cmd/palimpsest is the only place that knows all.
var imports = map[string][]string{
	"api": {},

	"render": {},

	"migrations":        {},
	"store/internal/db": {},
	"store":             {"migrations", "store/internal/db"},
	"store/blob":        {},
	"internal/localpg":  {},
	"internal/locals3":  {"store/blob"},
	"internal/pgtest":   {"internal/localpg", "store"},

	"task":                 {"task/internal/taskpb"},
	"task/internal/taskpb": {},
	"task/loc":             {"task"},
	"task/host":            {"task"},
	"task/tasktest":        {"task"},
	"plugins/ocr":          {"task", "task/loc"},

	"engine/mat":       {},
	"engine/pool":      {},
	"engine/tokenizer": {},
	"engine/weights":   {"engine/mat"},
	"engine/kernel":    {},
	"engine/siglip":    {"engine/kernel", "engine/mat", "engine/pool", "engine/weights"},
	"engine/gemma":     {"engine/kernel", "engine/mat", "engine/pool", "engine/weights"},
	"engine/batch":     {},
	"engine":           {"engine/batch", "engine/gemma", "engine/kernel", "engine/mat", "engine/pool", "engine/siglip", "engine/tokenizer", "engine/weights"},

	"ingest":           {"engine", "render", "store", "store/blob", "task"},
	"web":              {"api", "store", "store/blob"},
	"eval":             {},
	"samples/generate": {},
	"cmd/palimpsest":   {"api", "engine", "eval", "ingest", "internal/localpg", "internal/locals3", "render", "store", "store/blob", "task", "task/host", "web"},
}
