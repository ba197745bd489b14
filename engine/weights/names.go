package weights

import "strings"

// Normalise turns the name a tensor has in any published or re-saved checkpoint into the one the engine
// asks for, which is that of the released files:
//
//	released (transformers 4.47)                  language_model.model.layers.0...   vision_tower.vision_model.encoder...
//	transformers >= 4.52 in memory, some re-saves model.language_model.layers.0...   model.vision_tower.vision_model.encoder...
//	transformers >= 5.20                          model.language_model.layers.0...   model.vision_tower.encoder...
//
// The engine drops the inner ".model" and ".vision_model", so that one spelling is left of the three.
func Normalise(name string) string {
	if name == "lm_head.weight" {
		return "language_model.lm_head.weight"
	}
	name = strings.TrimPrefix(name, "model.")
	if rest, ok := strings.CutPrefix(name, "language_model.model."); ok {
		return "language_model." + rest
	}
	if rest, ok := strings.CutPrefix(name, "vision_tower.vision_model."); ok {
		return "vision_tower." + rest
	}
	return name
}
