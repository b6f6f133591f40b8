package softsoc

import java.nio.file.{Files, Path}
import java.util.Properties
import scala.collection.JavaConverters._

case class CacheOptions(bytes: Int, ways: Int, lineBytes: Int)

/** One core, as the Python side describes it. A cache that is absent is None. */
case class Options(
    icache: Option[CacheOptions],
    dcache: Option[CacheOptions],
    multiplier: String,
    divider: String,
    shifter: String,
    branchPrediction: String,
    bypass: Boolean,
    branchStage: String,
    relaxedFetch: Boolean,
    cfu: Boolean
)

object Options {

  /** Reads `key=value` lines; a key that is missing, unknown or malformed is an error, never a default. */
  def read(file: Path): Options = {
    val properties = new Properties()
    val reader = Files.newBufferedReader(file)
    try properties.load(reader)
    finally reader.close()
    val values = scala.collection.mutable.Map(properties.asScala.toSeq: _*)

    def take(key: String): String =
      values.remove(key).getOrElse(throw new IllegalArgumentException(s"$file: no value for $key"))
    def choice(key: String, allowed: String*): String = {
      val value = take(key)
      require(allowed.contains(value), s"$file: $key=$value; allowed: ${allowed.mkString(", ")}")
      value
    }
    def flag(key: String): Boolean = choice(key, "true", "false").toBoolean
    def cache(prefix: String): Option[CacheOptions] = take(s"${prefix}_bytes").toInt match {
      case 0     => None
      case bytes => Some(CacheOptions(bytes, take(s"${prefix}_ways").toInt, take(s"${prefix}_line_bytes").toInt))
    }

    val options = Options(
      icache = cache("icache"),
      dcache = cache("dcache"),
      multiplier = choice("multiplier", "none", "iterative", "pipelined"),
      divider = choice("divider", "none", "iterative"),
      shifter = choice("shifter", "iterative", "full"),
      branchPrediction = choice("branch_prediction", "none", "static", "dynamic", "dynamic-target"),
      bypass = flag("bypass"),
      branchStage = choice("branch_stage", "execute", "memory"),
      relaxedFetch = flag("relaxed_fetch"),
      cfu = flag("cfu")
    )
    require(values.isEmpty, s"$file: unknown keys ${values.keys.toSeq.sorted.mkString(", ")}")
    options
  }
}
