// Functions every template has, as transformers gives them.
#include <array>
#include <chrono>
#include <cstdio>

#include "src/text/jinja_interpreter.h"

namespace rl::text::jinja {
namespace {

constexpr std::size_t kMaxRange = 100'000;  // as jinja2's sandbox

constexpr std::array<const char*, 12> kMonths = {
    "January", "February", "March",     "April",   "May",      "June",
    "July",    "August",   "September", "October", "November", "December"};
constexpr std::array<const char*, 7> kDays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                              "Thursday", "Friday", "Saturday"};

Value range(Budget& budget, const Arguments& arguments) {
  const Bound bound("range", arguments, {"start", "stop", "step"}, 1);
  const bool one = bound.get(1) == nullptr;
  const std::int64_t start = one ? 0 : to_integer(bound.at(0), "range's start");
  const std::int64_t stop = to_integer(bound.at(one ? 0 : 1), "range's stop");
  const std::int64_t step = bound.get(2) != nullptr ? to_integer(bound.at(2), "range's step") : 1;
  if (step == 0) fail("range's step is zero");
  std::vector<Value> items;
  for (std::int64_t i = start; step > 0 ? i < stop : i > stop;) {
    if (items.size() == kMaxRange) {
      fail("a range is too long", "at most " + std::to_string(kMaxRange) + " items", "more");
    }
    budget.spend(1);
    items.emplace_back(i);
    if (__builtin_add_overflow(i, step, &i)) break;
  }
  return make_sequence(budget, std::move(items), SequenceKind::view);
}

Value dict(Budget& budget, const Arguments& arguments) {
  auto made = std::make_shared<Dict>();
  if (arguments.positional.size() > 1) fail("dict takes one argument by position");
  for (const Value& source : arguments.positional) {
    if (source.dict() != nullptr) {
      for (const auto& [key, value] : source.dict()->entries()) made->set(budget, key, value);
      continue;
    }
    require_defined(source);
    for (const Value& item : items_of(budget, source)) {
      const auto pair = items_of(budget, item);
      if (pair.size() != 2) fail("dict takes pairs", "two values", std::to_string(pair.size()));
      made->set(budget, pair[0], pair[1]);
    }
  }
  for (const auto& [name, value] : arguments.named) made->set(budget, Value(name), value);
  return std::shared_ptr<const Dict>(std::move(made));
}

Value make_namespace(Budget& budget, std::deque<Namespace>& spaces, const Arguments& arguments) {
  const Value attributes = dict(budget, arguments);
  Namespace& space = spaces.emplace_back();
  for (const auto& [key, value] : attributes.dict()->entries()) {
    if (!key.is_text() || key.text()->starts_with('_')) {
      fail("a namespace's names may not start with '_'", "names", describe(key));
    }
    space.attributes[*key.text()] = value;
  }
  return Value(&space);
}

[[noreturn]] Value raise(Budget& budget, const Arguments& arguments) {
  const Bound bound("raise_exception", arguments, {"message"}, 1);
  fail(to_text(budget, bound.at(0)));
}

std::string padded(std::int64_t value, int width, char fill = '0') {
  std::string text = std::to_string(value);
  while (static_cast<int>(text.size()) < width) text.insert(0, 1, fill);
  return text;
}

class Moment {
 public:
  explicit Moment(std::int64_t unix_seconds) {
    using std::chrono::floor;
    const std::chrono::sys_seconds moment{std::chrono::seconds(unix_seconds)};
    const auto midnight = floor<std::chrono::days>(moment);
    date_ = std::chrono::year_month_day(midnight);
    weekday_ = std::chrono::weekday(midnight).c_encoding();
    const auto january = std::chrono::sys_days(date_.year() / std::chrono::January / 1);
    day_of_year_ = (midnight - january).count() + 1;
    seconds_ = (moment - midnight).count();
  }

  std::string part(char kind, bool unpadded) const {
    const std::int64_t year = static_cast<int>(date_.year());
    const std::int64_t month = static_cast<unsigned>(date_.month());
    const std::int64_t day = static_cast<unsigned>(date_.day());
    const std::int64_t hour = seconds_ / 3600;
    const std::int64_t noon_hour = hour % 12 == 0 ? 12 : hour % 12;
    const int two = unpadded ? 1 : 2;
    const std::string month_name = kMonths[static_cast<std::size_t>(month - 1)];
    const std::string day_name = kDays[weekday_];
    switch (kind) {
      case 'Y': return std::to_string(year);
      case 'y': return padded(year % 100, two);
      case 'm': return padded(month, two);
      case 'd': return padded(day, two);
      case 'e': return padded(day, two, ' ');
      case 'j': return padded(day_of_year_, unpadded ? 1 : 3);
      case 'B': return month_name;
      case 'b':
      case 'h': return month_name.substr(0, 3);
      case 'A': return day_name;
      case 'a': return day_name.substr(0, 3);
      case 'H': return padded(hour, two);
      case 'I': return padded(noon_hour, two);
      case 'p': return hour < 12 ? "AM" : "PM";
      case 'M': return padded(seconds_ / 60 % 60, two);
      case 'S': return padded(seconds_ % 60, two);
      case 'F': return part('Y', false) + "-" + part('m', false) + "-" + part('d', false);
      case 'T': return part('H', false) + ":" + part('M', false) + ":" + part('S', false);
      case 'Z': return "UTC";
      case '%': return "%";
      default:
        fail("strftime_now does not know a format", "%Y %m %d %H %M %S %B %b %A %a and the like",
             "%" + std::string(1, kind));
    }
  }

 private:
  std::chrono::year_month_day date_{};
  unsigned weekday_ = 0;
  std::int64_t day_of_year_ = 1;
  std::int64_t seconds_ = 0;
};

}  // namespace

std::string strftime(Budget& budget, std::string_view format, std::int64_t unix_seconds) {
  constexpr std::int64_t kYear9999 = 253402300799;
  if (unix_seconds < -62135596800 || unix_seconds > kYear9999) {
    fail("the time given is out of range", "the years 1 to 9999", std::to_string(unix_seconds));
  }
  const Moment moment(unix_seconds);
  TextBuilder out(budget);
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%') {
      out << format.substr(i, 1);
      continue;
    }
    const bool unpadded = i + 1 < format.size() && format[i + 1] == '-';
    if (unpadded) ++i;
    out << moment.part(++i < format.size() ? format[i] : ' ', unpadded);
  }
  return out.take();
}

void add_globals(Variables& variables, Budget& budget, std::deque<Namespace>& spaces,
                 std::int64_t now_unix_seconds) {
  const auto add = [&](const char* name, std::function<Value(const Arguments&)> call) {
    variables[name] = Value(
        std::make_shared<const Function>(Function{.name = name, .call = std::move(call)}));
  };
  add("range", [&budget](const Arguments& given) { return range(budget, given); });
  add("dict", [&budget](const Arguments& given) { return dict(budget, given); });
  add("namespace", [&budget, &spaces](const Arguments& given) {
    return make_namespace(budget, spaces, given);
  });
  add("raise_exception", [&budget](const Arguments& given) { return raise(budget, given); });
  add("strftime_now", [&budget, now_unix_seconds](const Arguments& given) {
    const Bound bound("strftime_now", given, {"format"}, 1);
    return Value(strftime(budget, to_text(budget, bound.at(0)), now_unix_seconds));
  });
}

}  // namespace rl::text::jinja
