import { useQuery } from "@tanstack/react-query";
import { useTranslations } from "use-intl";
import { projectsQuery } from "../api/queries.ts";
import { Select } from "../ui/select.tsx";

export interface ProjectFieldProps {
  readonly value: string;
  readonly onChange: (value: string) => void;
  /** What choosing none of them is called; absent where one has to be chosen. */
  readonly every?: string;
  readonly className?: string;
}

/** One of the organization's projects. */
export function ProjectField({ value, onChange, every, className }: ProjectFieldProps) {
  const t = useTranslations("projects");
  const { data: projects = [] } = useQuery(projectsQuery);
  const none = every === undefined ? [] : [{ value: "", label: every }];
  return (
    <div className={className}>
      <span className="l">{t("one")}</span>
      <Select
        label={t("one")}
        value={value}
        onChange={onChange}
        options={[...none, ...projects.map(({ id, attributes: { name } }) => ({ value: id, label: name }))]}
      />
    </div>
  );
}
