// The kinds of pre-tokenizer steps.
#pragma once

#include "src/text/pattern.h"
#include "src/text/pre_tokenizer.h"

namespace rl::text {

// Isolated pieces by a hand-written scanner.
class ScanStep : public PreTokenizerStep {
 public:
  explicit ScanStep(Scanner scanner) : scanner_(scanner) {}
  void split(const Piece& piece, std::vector<Piece>& pieces, TextStore& store) const override;

 private:
  Scanner scanner_;
};

class PatternStep : public PreTokenizerStep {
 public:
  PatternStep(Pattern pattern, SplitBehavior behavior, bool invert)
      : pattern_(std::move(pattern)), behavior_(behavior), invert_(invert) {}
  void split(const Piece& piece, std::vector<Piece>& pieces, TextStore& store) const override;

 private:
  Pattern pattern_;
  SplitBehavior behavior_;
  bool invert_;
};

// Splits at characters; each one is a match of its own.
class CharacterStep : public PreTokenizerStep {
 public:
  using Predicate = bool (*)(char32_t);
  CharacterStep(Predicate matches, SplitBehavior behavior)
      : matches_(matches), behavior_(behavior) {}
  void split(const Piece& piece, std::vector<Piece>& pieces, TextStore& store) const override;

 private:
  Predicate matches_;
  SplitBehavior behavior_;
};

// A space before what does not begin with one.
class PrefixSpaceStep : public PreTokenizerStep {
 public:
  void split(const Piece& piece, std::vector<Piece>& pieces, TextStore& store) const override;
};

class ByteCharacterStep : public PreTokenizerStep {
 public:
  void split(const Piece& piece, std::vector<Piece>& pieces, TextStore& store) const override;
};

class MetaspaceStep : public PreTokenizerStep {
 public:
  enum class Prepend { always, first, never };
  MetaspaceStep(std::string replacement, Prepend prepend, bool split_words)
      : replacement_(std::move(replacement)), prepend_(prepend), split_(split_words) {}
  void split(const Piece& piece, std::vector<Piece>& pieces, TextStore& store) const override;

 private:
  std::string replacement_;
  Prepend prepend_;
  bool split_;
};
MetaspaceStep::Prepend metaspace_prepend(const JsonNode& node);  // of a Metaspace object

}  // namespace rl::text
